import type { BridgeName, Provider, Settings, Upstream as UpstreamStatus, UpstreamName, Use, WireFormat } from '../contract/index.ts';
import { httpUpstream } from './http.ts';
import { practiceUpstream, type PracticeOptions } from './practice/index.ts';
import { isVendors } from './providers/presets.ts';
import { providerUpstream, type ProviderKey } from './providers/provider.ts';
import type { ProxySources } from './proxy.ts';
import type { TurnError } from '../wire/turn.ts';
import type { StreamingUpstream, Upstream } from './upstream.ts';

export type UpstreamId = UpstreamName;
/** Those that are always there. */
type BuiltIn = 'practice' | 'anthropic' | 'openai' | 'chatgpt' | 'gateway' | BridgeName;

/** An upstream with what the companion must know to use it. */
export type KnownUpstream = {
  upstream: Upstream;
  /** The same, where it takes a request whose body still arrives. Such a one changes nothing of it. */
  streaming?: StreamingUpstream;
  wires: readonly WireFormat[];
  /** Whose credential a call carries: nobody's, the client's own, or ours. */
  credential: 'none' | 'client' | 'ours';
  /** The upstream reads the body itself, so it gets it without its content-encoding. */
  readsBody?: boolean;
  /** Headers taken for secrets elsewhere that this upstream gave out itself and wants back. */
  keeps?: ReadonlySet<string>;
  /** The upstream changes requests, and tells what went out by `sent`. */
  rewrites?: boolean;
  /** It takes Anthropic's betas, in the Messages format. */
  takesBetas?: boolean;
  /** It may know Chat Completions as OpenAI's first models had it: of two names of a field, the older. */
  isPlain?: boolean;
  /** False where it can't count the tokens of a request, whatever it speaks. */
  counts?: boolean;
  /** True where it is known to have a model of this name. */
  offers?: (model: string) => boolean;
  /** The same, narrowed to what one model takes. */
  forModel?: (model: string | undefined) => KnownUpstream;
  /** Resolves once it is known what the upstream takes; undefined where it is, or is not asked for. */
  learning?: () => Promise<void> | undefined;
  /** Why a call for this use may not go here; undefined where it may. */
  admits?: (use: Use) => string | undefined;
};

export type Upstreams = {
  get(id: UpstreamId): KnownUpstream | undefined;
  status(): UpstreamStatus[];
  /** Takes over changed settings. Calls under way go on where they are. */
  apply(settings: Settings): void;
  stop(): Promise<void>;
};

/** A call that may not go to an upstream, for the reason that `admits` gave. */
export const outOfScope = (reason: string): TurnError => ({ kind: 'not_entitled', code: 'out_of_scope', message: reason });

const ALL: readonly WireFormat[] = ['chat', 'responses', 'messages'];
const LABELS: Record<BuiltIn, string> = {
  practice: 'Practice model',
  anthropic: 'Anthropic API',
  openai: 'OpenAI API',
  chatgpt: 'ChatGPT backend',
  gateway: 'Gateway',
  codex: 'Codex bridge',
  copilot: 'Copilot bridge',
  m365: 'Microsoft 365 bridge',
};

/** Keeps one connection pool per upstream, made anew when its base URL changes. */
export function createUpstreams(
  initial: Settings,
  practice: Omit<PracticeOptions, 'paceMs'>,
  bridges: Partial<Record<BridgeName, () => KnownUpstream>>,
  proxies: () => ProxySources,
  keyOf: (provider: Provider) => ProviderKey,
): Upstreams {
  let settings = initial;
  const practiceModel = practiceUpstream({ ...practice, paceMs: () => settings.upstreams.practice.paceMs });
  const pools = new Map<UpstreamId, { baseUrl: string; timeoutMs: number; upstream: StreamingUpstream }>();

  const http = (id: UpstreamId, rawBaseUrl: string, publicOnly: boolean): Pick<KnownUpstream, 'upstream' | 'streaming'> => {
    const upstream = poolOf(id, rawBaseUrl, publicOnly);
    return { upstream, streaming: upstream };
  };
  const poolOf = (id: UpstreamId, rawBaseUrl: string, publicOnly: boolean): StreamingUpstream => {
    // Targets begin with /v1; a base URL is often copied with it.
    const baseUrl = rawBaseUrl.replace(/\/v1\/?$/, '');
    const timeoutMs = settings.limits.upstreamMs;
    const kept = pools.get(id);
    if (kept?.baseUrl === baseUrl && kept.timeoutMs === timeoutMs) return kept.upstream;
    const upstream = httpUpstream({ id, baseUrl, timeoutMs, publicOnly, proxies });
    pools.set(id, { baseUrl, timeoutMs, upstream });
    return upstream;
  };

  const providerOf = (id: UpstreamId): Provider | undefined => settings.upstreams.providers.find(({ name }) => name === id);

  const make = (id: UpstreamId): KnownUpstream | undefined => {
    if (isBridge(id)) return bridges[id]?.();
    const { anthropic, openai, chatgpt, gateway, practice: practiceSettings } = settings.upstreams;
    switch (id) {
      case 'practice':
        return {
          upstream: practiceModel,
          wires: practiceSettings.answerIn === 'same' ? ALL : [practiceSettings.answerIn],
          credential: 'none',
          readsBody: true,
          counts: false,
        };
      case 'anthropic':
        return { ...http(id, anthropic.baseUrl, true), wires: ['messages'], credential: 'client', takesBetas: true };
      case 'openai':
        return { ...http(id, openai.baseUrl, true), wires: ['responses', 'chat'], credential: 'client' };
      case 'chatgpt':
        return { ...http(id, chatgpt.baseUrl, true), wires: ['responses'], credential: 'client' };
      case 'gateway':
        if (gateway.baseUrl === null) return undefined;
        return { ...http(id, gateway.baseUrl, false), wires: gateway.wires, credential: 'ours', takesBetas: true };
      default: {
        const provider = providerOf(id);
        return (
          provider && providerUpstream(provider, poolOf(id, new URL(provider.baseUrl).origin, isVendors(provider.baseUrl)), keyOf(provider))
        );
      }
    }
  };

  let known = new Map<UpstreamId, KnownUpstream | undefined>();
  const get = (id: UpstreamId): KnownUpstream | undefined => {
    // What a bridge offers depends on who is signed in.
    if (isBridge(id)) return make(id);
    if (!known.has(id)) known.set(id, make(id));
    return known.get(id);
  };

  const status = (id: BuiltIn): UpstreamStatus => {
    const found = get(id);
    const base = id === 'practice' || isBridge(id) ? null : settings.upstreams[id].baseUrl;
    return {
      id,
      label: LABELS[id],
      kind: id === 'practice' || id === 'gateway' ? id : isBridge(id) ? 'bridge' : 'provider',
      baseUrl: base,
      credential: found?.credential ?? 'ours',
      wires: [...(found?.wires ?? ALL)],
      state: found === undefined ? 'not_configured' : 'ready',
      reason: reasonOf(id, found !== undefined),
    };
  };

  return {
    get,
    status: () => [
      ...(['practice', 'anthropic', 'openai', 'chatgpt', 'gateway'] as const).map(status),
      ...settings.upstreams.providers.map((provider) => statusOf(provider, keyOf(provider))),
    ],
    apply(next) {
      settings = next;
      known = new Map();
    },
    async stop() {
      await Promise.all([practiceModel.stop(), ...[...pools.values()].map((pool) => pool.upstream.stop())]);
    },
  };
}

/** A provider of the owner's own, as it is told. Pure. */
function statusOf({ name, label, baseUrl, credential, wires }: Provider, key: ProviderKey): UpstreamStatus {
  const missing = credential === 'key' && key.value() === undefined && key.pending() === undefined ? key.missing() : null;
  return {
    id: name,
    label: label ?? name,
    kind: 'provider',
    baseUrl,
    credential: credential === 'key' ? 'ours' : credential,
    wires: [...wires],
    state: missing === null ? 'ready' : 'not_configured',
    reason: missing,
  };
}

const isBridge = (id: UpstreamId): id is BridgeName => id === 'codex' || id === 'copilot' || id === 'm365';

function reasonOf(id: BuiltIn, configured: boolean): string | null {
  if (id === 'practice') return 'Built in. Answers offline, with no account: for trying things out.';
  if (id === 'gateway') return configured ? null : 'No gateway is set up. Give its base URL under upstreams.gateway in the settings.';
  return 'Calls pass through untouched, with the client’s own credential.';
}
