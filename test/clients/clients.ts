import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import type { ClientEnv } from '../../bridges/contract/schemas.ts';
import { bareEnvironment, freshPlace, runToEnd, type Finished, type Place } from './cli.ts';
import { parsed, type AnswerIn } from './engine.ts';
import { binFolderOf, commandOf, folderOf, PACKAGES, type Package } from './install.ts';

type Setup = z.infer<typeof ClientEnv>;

/** All these tests know of one client. */
export type RealClient = {
  /** What `drawbridge env` and the calls call it. */
  name: string;
  npm: Package;
  wire: Exclude<AnswerIn, 'same'>;
  /** The version its user agent tells; null where it tells that of a library. */
  version: string | null;
  /** Arguments of one turn without a person present, told as JSON lines. */
  args: (prompt: string) => string[];
  /** What its user keeps at home already, by path. */
  home: Readonly<Record<string, string>>;
  /** Variables over those of `drawbridge env`. */
  variables: (setup: Readonly<Record<string, string>>) => Record<string, string>;
  /** The last thing the model said, as the client tells it. */
  answer: (lines: Lines) => string | undefined;
  /** What the tools printed that the client ran, in any order. */
  toolOutputs: (lines: Lines) => string[];
};

/** The lines a client prints, of the kind a schema describes. */
export type Lines = <T>(kind: z.ZodType<T>) => T[];

export const codex: RealClient = {
  name: 'codex',
  npm: PACKAGES.codex,
  wire: 'responses',
  version: PACKAGES.codex.version,
  args: (prompt) => ['exec', '--profile', 'drawbridge', '--skip-git-repo-check', '--sandbox', 'danger-full-access', '--json', prompt],
  // As with the others, nothing but the engine is to be reached: no plugins to fetch, no metrics to send.
  home: { '.codex/config.toml': '[features]\nplugins = false\n\n[analytics]\nenabled = false\n' },
  variables: () => ({}),
  answer: (lines) => lines(CodexItem('agent_message', { text: z.string() })).at(-1)?.item.text,
  toolOutputs: (lines) =>
    lines(CodexItem('command_execution', { exit_code: z.literal(0), aggregated_output: z.string() })).map(
      (ran) => ran.item.aggregated_output,
    ),
};

const CodexItem = <T extends z.ZodRawShape>(type: string, shape: T) =>
  z.object({ type: z.literal('item.completed'), item: z.object({ ...shape, type: z.literal(type) }) });

export const claudeCode: RealClient = {
  name: 'claude-code',
  npm: PACKAGES.claudeCode,
  wire: 'messages',
  version: PACKAGES.claudeCode.version,
  args: (prompt) => ['-p', '--tools=Bash', '--allowedTools=Bash', '--output-format=stream-json', '--verbose', prompt],
  home: {},
  variables: () => ({ CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1' }),
  answer: (lines) => lines(ClaudeEnd).at(-1)?.result,
  toolOutputs: (lines) => lines(ClaudeResults).flatMap((line) => line.message.content.map((result) => result.content)),
};

const ClaudeEnd = z.object({ type: z.literal('result'), is_error: z.literal(false), result: z.string() });
const ClaudeResults = z.object({
  type: z.literal('user'),
  message: z.object({
    content: z.array(z.object({ type: z.literal('tool_result'), is_error: z.literal(false), content: z.string() })),
  }),
});

export const copilot: RealClient = {
  name: 'copilot-cli',
  npm: PACKAGES.copilot,
  wire: 'responses',
  version: null,
  args: (prompt) => ['--allow-all-tools', '--no-auto-update', '--output-format=json', '-p', prompt],
  home: {},
  // It unpacks itself into its cache; once is enough.
  variables: () => ({ XDG_CACHE_HOME: path.join(folderOf(PACKAGES.copilot), 'unpacked') }),
  answer: (lines) => lines(CopilotSaid).at(-1)?.data.content,
  toolOutputs: (lines) => lines(CopilotRan).map((ran) => ran.data.result.content),
};

const CopilotSaid = z.object({ type: z.literal('assistant.message'), data: z.object({ content: z.string().min(1) }) });
const CopilotRan = z.object({
  type: z.literal('tool.execution_complete'),
  data: z.object({ success: z.literal(true), result: z.object({ content: z.string() }) }),
});

/** Copilot CLI, told to speak Chat Completions. */
export const copilotOverChat: RealClient = {
  ...copilot,
  wire: 'chat',
  variables: (setup) => ({ ...copilot.variables(setup), COPILOT_PROVIDER_WIRE_API: 'completions' }),
};

/** Copilot CLI, told that its provider is Anthropic; its base URL then ends before the `/v1`. */
export const copilotOverMessages: RealClient = {
  ...copilot,
  wire: 'messages',
  variables: (setup) => ({
    ...copilot.variables(setup),
    COPILOT_PROVIDER_TYPE: 'anthropic',
    COPILOT_PROVIDER_BASE_URL: (setup['COPILOT_PROVIDER_BASE_URL'] ?? '').replace(/\/v1$/, ''),
  }),
};

/** Runs one turn of a client that is set up by what `drawbridge env` printed, and by nothing else. */
export async function runTurn(client: RealClient, how: TurnOf): Promise<Finished> {
  using place = freshPlace();
  return await runTurnIn(place, client, how);
}

type TurnOf = { setup: Setup; key: string; model: string; prompt: string };

/** The same where something was made ready. */
export async function runTurnIn(place: Place, client: RealClient, how: TurnOf): Promise<Finished> {
  const env = settle(client, how, place);
  return await runToEnd(commandOf(client.npm), client.args(how.prompt), { cwd: place.project, env });
}

/** Runs one turn of a client whose settings were written where its user is at home; `own` are variables of its user's. */
export async function runAttached(place: Place, client: RealClient, prompt: string, own: Record<string, string> = {}): Promise<Finished> {
  keep(place, Object.entries(client.home));
  const env = { ...bareEnvironment(place, binFolderOf(client.npm)), ...client.variables({}), ...own };
  return await runToEnd(commandOf(client.npm), client.args(prompt), { cwd: place.project, env });
}

/** Runs the very command `drawbridge env` proposes. */
export async function runProposedCommand(client: RealClient, how: { setup: Setup; key: string }): Promise<Finished> {
  using place = freshPlace();
  const env = settle(client, { ...how, model: 'practice/echo' }, place);
  return await runToEnd('/bin/sh', ['-c', how.setup.command], { cwd: place.project, env });
}

/** Does what `drawbridge env` says: writes its files below the home, and returns the environment with its variables. */
function settle(
  client: RealClient,
  { setup, key, model }: { setup: Setup; key: string; model: string },
  place: Place,
): Record<string, string> {
  const filled = (value: string): string => value.replaceAll('<key>', key).replaceAll('practice/echo', model);
  const files = setup.files.map((file): [string, string] => [file.path.replace(/^~\//, ''), filled(file.content)]);
  keep(place, [...Object.entries(client.home), ...files]);
  const variables = Object.fromEntries(setup.variables.map(({ name, value }) => [name, filled(value)]));
  return { ...bareEnvironment(place, binFolderOf(client.npm)), ...variables, ...client.variables(variables) };
}

/** Writes files below the home folder. */
function keep(place: Place, files: readonly [string, string][]): void {
  for (const [name, content] of files) {
    const file = path.join(place.home, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, content);
  }
}

/** Reads what a client printed. */
export function linesOf(stdout: string): Lines {
  const values = stdout.split('\n').map(parsed);
  return (kind) =>
    values.flatMap((value) => {
      const read = kind.safeParse(value);
      return read.success ? [read.data] : [];
    });
}
