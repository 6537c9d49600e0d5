import type { UpstreamPreset } from './adapter.ts';

/** What is wrong with the upstreams that adapters propose, in words. What their owner makes of them is checked then. Pure. */
export function problemsOf(presets: readonly UpstreamPreset[]): string[] {
  const known = new Set<string>();
  return presets.flatMap(({ name, baseUrl }) => {
    const problem = known.has(name) ? 'another is proposed under this name, and was first' : baseUrlProblem(baseUrl);
    known.add(name);
    return problem === undefined ? [] : [`The upstream "${name}" can't be used: ${problem}.`];
  });
}

function baseUrlProblem(baseUrl: string): string | undefined {
  const url = URL.parse(baseUrl);
  if (url === null) return `"${baseUrl}" is no URL`;
  const loopback = url.protocol === 'http:' && ['127.0.0.1', '[::1]'].includes(url.hostname);
  if (url.protocol !== 'https:' && !loopback) return 'its base URL must be https, or http on 127.0.0.1';
  return url.username === '' && url.password === '' ? undefined : 'its base URL must not hold a user name or password';
}
