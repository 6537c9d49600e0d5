import { describe, expect, it } from 'vitest';
import { namedProxy, proxyFor, proxyVariables } from '../../../bridges/upstreams/proxy.ts';

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

describe('what the settings say', () => {
  const to = new URL('https://api.openai.com');

  it('is in the place of NO_PROXY where it names what is reached without a proxy', () => {
    const env = { HTTPS_PROXY, NO_PROXY: 'api.openai.com' };
    expect(proxyFor(to, { setting: null, except: ['github.com'], env })?.name).toBe('proxy.corp:3128');
    expect(proxyFor(to, { setting: null, except: ['github.com', '.openai.com'], env: { HTTPS_PROXY } })).toBeUndefined();
    expect(proxyFor(to, { setting: null, except: null, env })).toBeUndefined();
  });

  it('goes with its login, which is no other proxy’s', () => {
    const authorization = `Basic ${Buffer.from('user:p:%40 ss').toString('base64')}`;
    const login = 'user:p:%40 ss';
    expect(proxyFor(to, { setting: 'http://set:1', login, env: {} })).toMatchObject({ name: 'set:1', authorization });
    expect(proxyFor(to, { setting: 'http://set:1', env: {} })).toMatchObject({ authorization: undefined });
    expect(proxyFor(to, { setting: null, login, env: { HTTPS_PROXY } })).toMatchObject({ authorization: undefined });
  });
});

describe('the proxy of a program of its own', () => {
  it('is the one of the environment, under the names that programs look for', async () => {
    const env = { HTTPS_PROXY, http_proxy: 'http://plain:1', NO_PROXY: 'a.test', SECRET: 'x' };
    expect(await proxyVariables(() => ({ setting: null, env }))).toEqual({
      https_proxy: `${HTTPS_PROXY}/`,
      HTTPS_PROXY: `${HTTPS_PROXY}/`,
      http_proxy: 'http://plain:1/',
      HTTP_PROXY: 'http://plain:1/',
      no_proxy: 'a.test',
      NO_PROXY: 'a.test',
    });
    expect(await proxyVariables(() => ({ setting: null, env: { PATH: '/bin' } }))).toEqual({});
  });

  it('is the one of the settings before that, with its login and what is reached without it', async () => {
    const sources = { setting: 'http://set:8080', login: 'some body:p:%40@ss/', except: ['a.test', '10.0.0.0/8'], env: { HTTPS_PROXY } };
    const url = 'http://some%20body:p%3A%2540%40ss%2F@set:8080/';
    expect(await proxyVariables(() => sources)).toEqual({
      https_proxy: url,
      HTTPS_PROXY: url,
      http_proxy: url,
      HTTP_PROXY: url,
      no_proxy: 'a.test,10.0.0.0/8',
      NO_PROXY: 'a.test,10.0.0.0/8',
    });
    expect(proxyFor(new URL('https://x.test'), { setting: null, env: { HTTPS_PROXY: url } })).toMatchObject({
      authorization: `Basic ${Buffer.from(sources.login).toString('base64')}`,
    });
  });

  it('is none where it goes to one place alone, and needs none there', async () => {
    const sources = { setting: null, env: { HTTPS_PROXY }, except: ['10.0.0.0/8'] };
    const told = (url: string): Promise<Record<string, string>> => proxyVariables(() => sources, new URL(url));
    expect(await told('https://10.1.2.3')).toEqual({});
    expect(await told('https://localhost:8443')).toEqual({});
    expect(await told('https://a.test')).toMatchObject({ HTTPS_PROXY: `${HTTPS_PROXY}/` });
  });

  it.each([
    ['proxy.corp:3128', 'http://proxy.corp:3128/'],
    ['HTTP://proxy.corp', 'http://proxy.corp/'],
    ['http://sam:50%off@proxy.corp:3128', 'http://sam:50%25off@proxy.corp:3128/'],
    ['http://sam@proxy.corp', 'http://sam@proxy.corp/'],
  ])('is written as every program reads it: %s', async (value, url) => {
    expect(await proxyVariables(() => ({ setting: null, env: { HTTPS_PROXY: value } }))).toEqual({ https_proxy: url, HTTPS_PROXY: url });
  });

  it('may be one that we can’t use', async () => {
    const env = { HTTPS_PROXY: 'socks5://proxy.corp:1080' };
    expect(await proxyVariables(() => ({ setting: null, env }), new URL('https://a.test'))).toMatchObject(env);
  });

  it('is asked for again once the keychain has answered', async () => {
    const known = Promise.withResolvers<void>();
    let login: string | undefined;
    const told = proxyVariables(() => ({
      setting: 'http://set:8080',
      login,
      env: {},
      pending: login === undefined ? known.promise : undefined,
    }));
    login = 'user:later';
    known.resolve();
    expect(await told).toMatchObject({ HTTPS_PROXY: 'http://user:later@set:8080/' });
  });
});
