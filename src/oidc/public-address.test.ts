import { describe, expect, test } from 'vitest';
import { nonPublicNetwork } from './public-address.ts';

describe('an address that AWS can reach', () => {
  test.each([
    '8.8.8.8',
    '172.15.255.255',
    '172.32.0.0',
    '100.63.255.255',
    '100.128.0.0',
    '192.167.255.255',
    '169.253.255.255',
    '223.255.255.255',
    '2600:1f18::1',
    '2a00:1450:4001::200e',
    '::ffff:8.8.8.8',
    '64:ff9b::8.8.8.8',
  ])('%s is public', (address) => {
    expect(nonPublicNetwork(address)).toBeUndefined();
  });
});

describe('an address that must never be connected to [F67 S7]', () => {
  test.each([
    { address: '0.0.0.0', network: 'unspecified' },
    { address: '10.96.0.1', network: 'private' },
    { address: '172.16.0.1', network: 'private' },
    { address: '172.31.255.255', network: 'private' },
    { address: '192.168.1.1', network: 'private' },
    { address: '127.0.0.1', network: 'loopback' },
    { address: '127.255.255.254', network: 'loopback' },
    { address: '169.254.169.254', network: 'link-local' },
    { address: '100.64.0.1', network: 'carrier-grade NAT' },
    { address: '100.127.255.255', network: 'carrier-grade NAT' },
    { address: '224.0.0.1', network: 'multicast' },
    { address: '239.255.255.255', network: 'multicast' },
    { address: '255.255.255.255', network: 'reserved' },
    { address: '192.0.0.170', network: 'reserved' },
    { address: '198.18.0.1', network: 'reserved' },
    { address: '192.0.2.1', network: 'documentation' },
    { address: '::', network: 'unspecified' },
    { address: '::1', network: 'loopback' },
    { address: 'fd00:ec2::254', network: 'private' },
    { address: 'fc00::1', network: 'private' },
    { address: 'fe80::1', network: 'link-local' },
    { address: 'fe80::1%eth0', network: 'link-local' },
    { address: 'ff02::1', network: 'multicast' },
    { address: '::ffff:169.254.169.254', network: 'link-local' },
    { address: '::ffff:a9fe:a9fe', network: 'link-local' },
    { address: '::ffff:10.0.0.1', network: 'private' },
    { address: '0:0:0:0:0:ffff:7f00:1', network: 'loopback' },
    { address: '64:ff9b::169.254.169.254', network: 'link-local' },
    { address: '64:ff9b::a00:1', network: 'private' },
    { address: '64:ff9b:1::1', network: 'reserved' },
    { address: '::127.0.0.1', network: 'reserved' },
    { address: '2002:a00:1::1', network: 'tunnel' },
    { address: '2002:7f00:1::', network: 'tunnel' },
    { address: '2001:0:4136:e378::1', network: 'tunnel' },
    { address: '2001:db8::1', network: 'documentation' },
    { address: '2001:2::1', network: 'reserved' },
    { address: '100::1', network: 'reserved' },
    { address: '4000::1', network: 'reserved' },
    { address: 'metadata.google.internal', network: 'unknown' },
    { address: '', network: 'unknown' },
  ])('$address is $network', ({ address, network }) => {
    expect(nonPublicNetwork(address)).toBe(network);
  });
});
