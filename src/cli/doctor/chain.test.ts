import { describe, expect, test } from 'vitest';
import { terminal } from '../../errors.ts';
import { painter } from '../terminal.ts';
import { brokenLink, Chain, type Diagnosis, exitCodeOfDoctor, LINKS, Unseen } from './chain.ts';
import { doctorJson } from './doctor-json.ts';
import { doctorText } from './doctor-text.ts';

const broken = terminal('ProviderMissing', 'IAM has no OIDC provider. Make it.');

async function walked(third: () => string): Promise<Diagnosis> {
  const chain = new Chain();
  const links = await chain.walk(async () => {
    await chain.examine(
      'objects',
      (warn) => (warn('suspended'), 'both'),
      (found) => `${found} are there`,
    );
    await chain.examine('issuer', () => Promise.reject(new Unseen('you may not look')), String);
    await chain.examine('provider', third, (found) => found);
    await chain.examine('guardrails', () => 'allowed', String);
  });
  return { namespace: 'analytics', name: 'reports', links };
}

const kinds = ({ links }: Diagnosis): readonly string[] => links.slice(0, 5).map(({ kind }) => kind);

describe('a walk along the chain', () => {
  test('goes on over a link that nobody may see, and has a finding for every link', async () => {
    const diagnosis = await walked(() => 'there');
    expect(kinds(diagnosis)).toEqual(['holds', 'unseen', 'holds', 'holds', 'unreached']);
    expect(diagnosis.links.map(({ name }) => name)).toEqual(LINKS);
    expect(exitCodeOfDoctor([diagnosis])).toBe(0);
  });

  test('stops at the first broken link', async () => {
    const diagnosis = await walked(() => {
      throw broken;
    });
    expect(kinds(diagnosis)).toEqual(['holds', 'unseen', 'broken', 'unreached', 'unreached']);
    expect(brokenLink(diagnosis)).toMatchObject({ name: 'provider', reason: 'ProviderMissing' });
    expect(exitCodeOfDoctor([await walked(() => ''), diagnosis])).toBe(3);
  });

  test('a bug is thrown, and not taken for a broken link', async () => {
    const bug = walked(() => {
      throw new TypeError('undefined is no object');
    });
    await expect(bug).rejects.toThrow('undefined is no object');
  });
});

describe('what doctor prints', () => {
  test('a line for each link, warnings below theirs, and the verdict', async () => {
    const diagnosis = await walked(() => {
      throw broken;
    });
    expect(doctorText([diagnosis], painter(false)).split('\n')).toEqual([
      'AwsFederatedIdentity analytics/reports',
      '  ✓ objects         both are there',
      '                   ! suspended',
      '  ? issuer          you may not look',
      '  ✗ provider        ProviderMissing: IAM has no OIDC provider. Make it.',
      ...LINKS.slice(3).map((name) => `  · ${name.padEnd(15)} not looked at`),
      '',
      'The first broken link is provider. docs/troubleshooting.md has a heading ProviderMissing.',
      '',
    ]);
  });

  test('names what nobody saw, rather than to say that all is well', async () => {
    expect(doctorText([await walked(() => 'there')], painter(false))).toContain('not seen: issuer.');
  });

  test('for a program: the same, with every key', async () => {
    const [one] = JSON.parse(doctorJson([await walked(() => 'there')])) as { broken: null; links: object[] }[];
    expect(one?.broken).toBeNull();
    expect(one?.links[0]).toEqual({
      link: 'objects',
      state: 'holds',
      reason: null,
      message: 'both are there',
      warnings: ['suspended'],
    });
    expect(one?.links).toHaveLength(LINKS.length);
  });

  test('what tenants wrote can not steer the terminal', () => {
    const link = { name: 'objects', kind: 'holds', message: 'red \u001b[31m', warnings: ['\u0007'] } as const;
    const text = doctorText([{ namespace: 'n', name: 'a', links: [link] }], painter(false));
    // oxlint-disable-next-line no-control-regex -- the very characters that must not be there
    expect(text).not.toMatch(/[\u0007\u001b]/);
  });
});
