import { Partition } from './arn.ts';

/** Prefixes of region names and the partition that their regions are in; all other regions are in `aws` (partitions.json of the SDKs). */
const PARTITIONS: readonly (readonly [string, string])[] = [
  ['cn-', 'aws-cn'],
  ['us-gov-', 'aws-us-gov'],
  ['us-iso-', 'aws-iso'],
  ['us-isob-', 'aws-iso-b'],
  ['eu-isoe-', 'aws-iso-e'],
  ['us-isof-', 'aws-iso-f'],
  ['eusc-', 'aws-eusc'],
];

/** The partition of a region, for where nobody has called AWS yet; the ARN of the caller is surer. */
export const partitionOfRegion = (region: string): Partition =>
  Partition.parse(PARTITIONS.find(([prefix]) => region.startsWith(prefix))?.[1] ?? 'aws');
