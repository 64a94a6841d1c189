import { expect, test } from 'vitest';
import { missingLines } from './transcript.ts';

const OUTPUT = `NAME      READY   ROLE                                             AGE
reports   True    arn:aws:iam::1:role/analytics-reports-ca851fcc   12s

Every link holds: a pod can use AWS.
`;

test.each([
  { name: 'the same', transcript: OUTPUT, missing: [] },
  {
    name: 'another age and hash',
    transcript: 'reports True arn:aws:iam::1:role/analytics-reports-00000000 2m5s',
    missing: [],
  },
  { name: '… for anything', transcript: 'reports   True …\nEvery link holds…', missing: [] },
  { name: 'lines left out', transcript: 'Every link holds: a pod can use AWS.', missing: [] },
  { name: 'another value', transcript: 'reports   False   …', missing: ['reports   False   …'] },
  { name: 'a line that only begins like it', transcript: 'Every link', missing: ['Every link'] },
  { name: 'another order', transcript: 'Every link holds…\nNAME…', missing: ['NAME…'] },
  {
    name: 'signs of regular expressions',
    transcript: 'Every link holds: a pod can use AWS?',
    missing: ['Every link holds: a pod can use AWS?'],
  },
])('$name', ({ transcript, missing }) => {
  expect(missingLines(transcript, OUTPUT)).toEqual(missing);
});
