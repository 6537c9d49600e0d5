import { describe, expect, it } from 'vitest';
import { namedProxy, proxyFor } from '../../../bridges/upstreams/proxy.ts';

const forUrl = (url: string, env: Record<string, string>, setting: string | null = null): string | undefined =>
  proxyFor(new URL(url), { setting, env })?.name;
const HTTPS_PROXY = 'http://proxy.corp:3128';

describe('the proxy of a connection', () => {
  it.each([
    ['HTTPS_PROXY', { HTTPS_PROXY }, 'proxy.corp:3128'],
    ['its name in small letters first', { https_proxy: 'http://small:1', HTTPS_PROXY }, 'small:1'],
    ['the other where one is empty', { https_proxy: ' ', HTTPS_PROXY }, 'proxy.corp:3128'],
    ['one without a scheme', { HTTPS_PROXY: 'proxy.corp:3128' }, 'proxy.corp:3128'],
    ['one without a port', { HTTPS_PROXY: 'http://proxy.corp/' }, 'proxy.corp:80'],
    ['one spoken to over TLS', { HTTPS_PROXY: 'https://proxy.corp' }, 'proxy.corp:443'],
    ['one by its address', { HTTPS_PROXY: 'http://[fd00::1]:3128' }, '[fd00::1]:3128'],
    ['not that of plain HTTP', { HTTP_PROXY: HTTPS_PROXY }, undefined],
    ['none that speaks SOCKS', { HTTPS_PROXY: 'socks5://proxy.corp:1080' }, undefined],
    ['none that is no address', { HTTPS_PROXY: 'http://' }, undefined],
    ['none where none is named', {}, undefined],
  ])('is %s', (_what, env, name) => {
    expect(forUrl('https://api.openai.com', env)).toBe(name);
  });

  it('is that of HTTP_PROXY for plain HTTP', () => {
    expect(forUrl('http://collector.corp:4318', { HTTP_PROXY: 'http://plain:1', HTTPS_PROXY })).toBe('plain:1');
  });

  it('is the one of the settings before those of the environment', () => {
    const env = { HTTPS_PROXY, NO_PROXY: 'github.com' };
    expect(forUrl('https://api.openai.com', env, 'http://set:8080')).toBe('set:8080');
    expect(forUrl('https://api.github.com', env, 'http://set:8080')).toBeUndefined();
  });

  it.each([
    'http://127.0.0.1:4318',
    'https://127.9.9.9',
    'https://[::1]:8443',
    'https://[::ffff:127.0.0.1]',
    'http://localhost',
    'https://a.localhost.',
  ])('is never there for this machine: %s', (url) => {
    expect(forUrl(url, { HTTPS_PROXY, HTTP_PROXY: HTTPS_PROXY }, HTTPS_PROXY)).toBeUndefined();
  });

  it.each([
    ['*', 'https://a.test'],
    ['a.test', 'https://a.test'],
    ['A.test.', 'https://a.TEST'],
    ['a.test', 'https://x.a.test'],
    ['.a.test', 'https://x.a.test'],
    ['*.a.test', 'https://x.a.test'],
    ['b.test, a.test', 'https://a.test'],
    ['b.test a.test', 'https://a.test'],
    ['a.test:443', 'https://a.test'],
    ['a.test:8443', 'https://a.test:8443'],
    ['10.1.2.3', 'https://10.1.2.3'],
    ['10.0.0.0/8', 'https://10.1.2.3'],
    ['10.1.2.1-10.1.2.9', 'https://10.1.2.3'],
    ['fd00::/8', 'https://[fd00::1]'],
    ['fd00::1', 'https://[fd00::1]'],
    ['[fd00::1]:443', 'https://[fd00::1]'],
  ])('is not there for what NO_PROXY names: %s, %s', (NO_PROXY, url) => {
    expect(forUrl(url, { HTTPS_PROXY, NO_PROXY })).toBeUndefined();
    expect(forUrl(url, { HTTPS_PROXY, no_proxy: NO_PROXY, NO_PROXY: 'other' })).toBeUndefined();
  });

  it.each([
    ['a.test', 'https://ba.test'],
    ['a.test:8443', 'https://a.test'],
    ['x.a.test', 'https://a.test'],
    ['10.0.0.0/8', 'https://11.1.2.3'],
    ['10.0.0.0/80', 'https://10.1.2.3'],
    ['10.1.2.9-10.1.2.1', 'https://10.1.2.3'],
    ['2.3', 'https://10.1.2.3'],
    ['', 'https://a.test'],
    [', .', 'https://a.test'],
  ])('is there for what NO_PROXY does not name: %s, %s', (NO_PROXY, url) => {
    expect(forUrl(url, { HTTPS_PROXY, NO_PROXY })).toBe('proxy.corp:3128');
  });

  it.each([
    ['http://user:pass@proxy.corp:3128', 'user:pass'],
    ['http://us%40er:p%3Aw%2F@proxy.corp:3128', 'us@er:p:w/'],
    ['http://user:100%@proxy.corp:3128', 'user:100%'],
    ['http://user@proxy.corp:3128', 'user:'],
  ])('is told who we are, and nobody else is: %s', (url, login) => {
    const proxy = proxyFor(new URL('https://a.test'), { setting: null, env: { HTTPS_PROXY: url } });
    expect(proxy?.authorization).toBe(`Basic ${Buffer.from(login).toString('base64')}`);
    expect(proxy?.name).toBe('proxy.corp:3128');
  });

  it('is known for one that can’t be used', () => {
    const env = { HTTPS_PROXY: 'socks5://user:pass@proxy.corp:1080' };
    expect(namedProxy('https:', { setting: null, env })).toEqual({ unusable: true, from: 'HTTPS_PROXY' });
  });
});
