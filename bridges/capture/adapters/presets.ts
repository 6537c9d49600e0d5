import type { UpstreamPreset } from './adapter.ts';

/** An upstream as it stands in the settings: what is missing is taken from the preset of the same name. */
export type GivenUpstream = Partial<UpstreamPreset> & { name: string };

/** Every upstream there is, after presets were merged in, and what is wrong with them. */
export type Merged = { upstreams: UpstreamPreset[]; problems: string[] };

/**
 * Presets fill in what the user left out, and never replace what the user said. Only the result is checked: an upstream
 * that is whole with its preset is right, although it was not without. Pure.
 */
export function mergePresets(given: readonly GivenUpstream[], presets: readonly UpstreamPreset[]): Merged {
  const problems: string[] = [];
  const byName = new Map<string, GivenUpstream>();
  for (const preset of presets) if (!byName.has(preset.name)) byName.set(preset.name, preset);
  for (const upstream of given) byName.set(upstream.name, { ...byName.get(upstream.name), ...upstream });
  const upstreams = [...byName.values()].flatMap((upstream): UpstreamPreset[] => {
    const { label = upstream.name, baseUrl } = upstream;
    const problem = baseUrl === undefined ? 'it has no base URL' : baseUrlProblem(baseUrl);
    if (problem === undefined && baseUrl !== undefined) return [{ ...upstream, label, baseUrl }];
    problems.push(`The upstream "${upstream.name}" can't be used: ${problem ?? ''}.`);
    return [];
  });
  return { upstreams, problems: [...problems, ...overlaps(upstreams)] };
}

/** The upstream that claims a path: by priority, then the longest prefix, then the order. Pure. */
export function upstreamFor(path: string, upstreams: readonly UpstreamPreset[]): UpstreamPreset | undefined {
  let best: UpstreamPreset | undefined;
  for (const upstream of upstreams) {
    if (upstream.match === undefined || !path.startsWith(upstream.match.pathPrefix)) continue;
    if (best === undefined || rank(upstream, best) > 0) best = upstream;
  }
  return best;
}

function rank(a: UpstreamPreset, b: UpstreamPreset): number {
  return (a.priority ?? 0) - (b.priority ?? 0) || (a.match?.pathPrefix.length ?? 0) - (b.match?.pathPrefix.length ?? 0);
}

function overlaps(upstreams: readonly UpstreamPreset[]): string[] {
  const claimed = new Map<string, string>();
  return upstreams.flatMap((upstream) => {
    if (upstream.match === undefined) return [];
    const claim = `${upstream.priority ?? 0} ${upstream.match.pathPrefix}`;
    const other = claimed.get(claim);
    claimed.set(claim, other ?? upstream.name);
    return other === undefined ? [] : [`"${other}" and "${upstream.name}" both claim ${upstream.match.pathPrefix}; "${other}" gets it.`];
  });
}

function baseUrlProblem(baseUrl: string): string | undefined {
  const url = URL.parse(baseUrl);
  if (url === null) return `"${baseUrl}" is no URL`;
  const loopback = url.protocol === 'http:' && ['127.0.0.1', '[::1]'].includes(url.hostname);
  if (url.protocol !== 'https:' && !loopback) return 'its base URL must be https, or http on 127.0.0.1';
  return url.username === '' && url.password === '' ? undefined : 'its base URL must not hold a user name or password';
}
