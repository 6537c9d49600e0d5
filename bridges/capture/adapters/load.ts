import { readdirSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { ADAPTER_API, type Adapter } from './adapter.ts';
import { WrongAnswer, type Adapters } from './registry.ts';

export type LoadParts = {
  /** The user whose files may be run; undefined where the system tells no owner. */
  me: number | undefined;
  /** Resolves when a file has had its time to load. */
  tooLate: (file: string) => Promise<void>;
};

const PATIENCE_S = 10;
const patience = (): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, PATIENCE_S * 1_000).unref();
  });

/**
 * Takes the adapters of a folder of the user's: every `.mjs` file in it, in the order of their names. They are programs
 * and run with the rights of Drawbridge's capture worker, so a file that others may write is refused. One that can't
 * be taken is named with its reason; the others are taken all the same. Resolves when all were tried; never rejects.
 */
export async function loadAdapters(folder: string, adapters: Adapters, parts: Partial<LoadParts> = {}): Promise<void> {
  const { me = process.getuid?.(), tooLate = patience } = parts;
  const names = namesIn(folder);
  if (names.length === 0) return;
  const shapes = await import('./shapes.ts');
  for (const name of names) {
    const file = path.join(folder, name);
    const shortName = path.basename(name, '.mjs');
    try {
      const problem = trustProblem(file, folder, me);
      if (problem !== undefined) adapters.fail(file, shortName, problem);
      else adapters.register(checked(await loaded(file, tooLate), shapes), file);
    } catch (error) {
      adapters.fail(file, shortName, error instanceof Error ? error.message : String(error));
    }
  }
}

/** What a file exports. One that waits at its top for what never comes is not waited for. */
function loaded(file: string, tooLate: LoadParts['tooLate']): Promise<unknown> {
  const waited = tooLate(file).then(() => {
    throw new Error(`It had not loaded after ${PATIENCE_S} seconds.`);
  });
  return Promise.race([import(pathToFileURL(file).href), waited]);
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith('.mjs'))
      .toSorted();
  } catch {
    return [];
  }
}

/** Why a file must not be run: someone else could have written it. */
function trustProblem(file: string, folder: string, me: number | undefined): string | undefined {
  if (path.dirname(realpathSync(file)) !== realpathSync(folder))
    return 'It is a link to a file outside the folder. Put the file itself there.';
  // Windows tells no owner and no modes; there the folder's own rights decide.
  if (me === undefined) return undefined;
  for (const place of [folder, file]) {
    const { uid, mode } = statSync(place);
    if (uid !== me) return `${place} belongs to another user. Only your own adapters are run.`;
    if ((mode & 0o022) !== 0) return `Others may write ${place}. Take that right away: chmod go-w "${place}"`;
  }
  return undefined;
}

function checked(module: unknown, shapes: typeof import('./shapes.ts')): Adapter {
  const value: unknown = typeof module === 'object' && module !== null && 'default' in module ? module.default : undefined;
  if (typeof value !== 'object' || value === null) throw new Error('It has no default export that is an adapter.');
  if (!('api' in value) || value.api !== ADAPTER_API) {
    const api = 'api' in value ? String(value.api) : 'none';
    throw new Error(`It is written for version ${api} of the adapter API; this is version ${ADAPTER_API}.`);
  }
  const data = shapes.AdapterData.safeParse(value);
  if (!data.success) {
    const [issue] = data.error.issues;
    throw new Error(`"${issue?.path.join('.') ?? ''}" is wrong: ${issue?.message ?? 'unknown'}.`);
  }
  const { match, project } = functionsOf(value);
  return {
    ...data.data,
    match: (exchange) => atOnce(match.call(value, exchange)) === true,
    project(exchange) {
      const answer = shapes.Projected.nullish().safeParse(atOnce(project.call(value, exchange)));
      if (answer.success) return answer.data;
      const [issue] = answer.error.issues;
      throw new WrongAnswer(`its answer is wrong at "${issue?.path.join('.') ?? ''}": ${issue?.message ?? 'unknown'}`);
    },
  };
}

/** An answer that is there. A promise is none, and its rejection, which nobody hears of, would end the capture worker. */
function atOnce(answer: unknown): unknown {
  if (typeof answer !== 'object' || answer === null || !('then' in answer)) return answer;
  void Promise.resolve(answer).catch(() => undefined);
  throw new WrongAnswer('it answered with a promise: match and project must answer at once');
}

function functionsOf(value: object): { match: (exchange: unknown) => unknown; project: (exchange: unknown) => unknown } {
  const match: unknown = 'match' in value ? value.match : undefined;
  const project: unknown = 'project' in value ? value.project : undefined;
  if (!isFunction(match) || !isFunction(project)) throw new Error('An adapter needs the functions match(exchange) and project(exchange).');
  return { match, project };
}

function isFunction(value: unknown): value is (exchange: unknown) => unknown {
  return typeof value === 'function';
}
