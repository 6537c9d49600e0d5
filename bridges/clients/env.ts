import type { ClientEnv } from '../contract/index.ts';

/** Stands where the client key goes. */
export const KEY_PLACE = '<key>';

/**
 * How each known client is pointed at the companion (facts: SPEC sections 4.1, 6, 8.2, 8.3). `origin` is
 * `http://127.0.0.1:PORT`: the literal address, since `localhost` may reach somebody else's ::1 first.
 */
export function clientEnvs(origin: string, model = 'practice/echo'): ClientEnv[] {
  return [
    claudeCode(origin, model),
    codex(origin, model),
    copilotCli(origin, model),
    openaiSdk(origin, model),
    anthropicSdk(origin, model),
    curl(origin, model),
  ];
}

const plain = (name: string, value: string) => ({ name, value, secret: false });
const secret = (name: string) => ({ name, value: KEY_PLACE, secret: true });

/** What Claude Code is told to use a model of Drawbridge's. */
export function claudeVariables(origin: string, model: string): ClientEnv['variables'] {
  return [
    plain('ANTHROPIC_BASE_URL', origin),
    secret('ANTHROPIC_AUTH_TOKEN'),
    plain('ANTHROPIC_MODEL', model),
    plain('ANTHROPIC_DEFAULT_OPUS_MODEL', model),
    plain('ANTHROPIC_DEFAULT_SONNET_MODEL', model),
    plain('ANTHROPIC_DEFAULT_HAIKU_MODEL', model),
    plain('CLAUDE_CODE_ATTRIBUTION_HEADER', '0'),
  ];
}

function claudeCode(origin: string, model: string): ClientEnv {
  return {
    client: 'claude-code',
    label: 'Claude Code',
    variables: claudeVariables(origin, model),
    files: [],
    command: 'claude -p "Say hello"',
    notes: [
      'Restart running sessions: the variables are read once, at start.',
      `To watch your own Anthropic account instead, set only ANTHROPIC_BASE_URL=${origin}/k/${KEY_PLACE}; your own sign-in then passes through.`,
    ],
  };
}

function codex(origin: string, model: string): ClientEnv {
  return {
    client: 'codex',
    label: 'Codex CLI',
    variables: [secret('DRAWBRIDGE_KEY')],
    files: [
      {
        path: '~/.codex/drawbridge.config.toml',
        content: codexProfile(origin, JSON.stringify(model), 'env_key = "DRAWBRIDGE_KEY"'),
      },
    ],
    command: 'codex exec --skip-git-repo-check --profile drawbridge "Say hello"',
    notes: ['The profile is a file of its own; your config.toml is not touched.'],
  };
}

/** A profile of the Codex CLI's, in TOML. `model` is a string of TOML; `credential`: the line that says where its key is. */
export function codexProfile(origin: string, model: string, credential: string): string {
  return [
    `model = ${model}`,
    'model_provider = "drawbridge"',
    '',
    '[model_providers.drawbridge]',
    'name = "Drawbridge"',
    `base_url = "${origin}/v1"`,
    credential,
    'wire_api = "responses"',
    '',
  ].join('\n');
}

function copilotCli(origin: string, model: string): ClientEnv {
  return {
    client: 'copilot-cli',
    label: 'GitHub Copilot CLI',
    variables: [
      plain('COPILOT_PROVIDER_TYPE', 'openai'),
      plain('COPILOT_PROVIDER_BASE_URL', `${origin}/v1`),
      secret('COPILOT_PROVIDER_API_KEY'),
      plain('COPILOT_PROVIDER_WIRE_API', 'responses'),
      plain('COPILOT_MODEL', model),
      plain('COPILOT_OFFLINE', 'true'),
    ],
    files: [],
    command: 'copilot -p "Say hello"',
    notes: ['COPILOT_OFFLINE keeps the CLI from asking for a GitHub sign-in; leave it out to use both.'],
  };
}

function openaiSdk(origin: string, model: string): ClientEnv {
  return {
    client: 'openai-sdk',
    label: 'OpenAI SDK and compatible tools',
    variables: [plain('OPENAI_BASE_URL', `${origin}/v1`), plain('OPENAI_API_BASE', `${origin}/v1`), secret('OPENAI_API_KEY')],
    files: [],
    command: `python3 -c 'from openai import OpenAI; print(OpenAI().chat.completions.create(model="${model}", messages=[{"role": "user", "content": "hello"}]).choices[0].message.content)'`,
    notes: [],
  };
}

function anthropicSdk(origin: string, model: string): ClientEnv {
  return {
    client: 'anthropic-sdk',
    label: 'Anthropic SDK and compatible tools',
    variables: [plain('ANTHROPIC_BASE_URL', origin), secret('ANTHROPIC_API_KEY')],
    files: [],
    command: `python3 -c 'from anthropic import Anthropic; print(Anthropic().messages.create(model="${model}", max_tokens=100, messages=[{"role": "user", "content": "hello"}]).content[0].text)'`,
    notes: [],
  };
}

function curl(origin: string, model: string): ClientEnv {
  return {
    client: 'curl',
    label: 'curl',
    variables: [secret('DRAWBRIDGE_KEY')],
    files: [],
    command: `curl -N ${origin}/v1/chat/completions -H "authorization: Bearer $DRAWBRIDGE_KEY" -H 'content-type: application/json' -d '{"model":"${model}","stream":true,"messages":[{"role":"user","content":"hello"}]}'`,
    notes: [],
  };
}
