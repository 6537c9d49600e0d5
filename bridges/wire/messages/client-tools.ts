import type { JsonObject, ToolDefinition } from '../turn.ts';

/**
 * Tools that the client runs and that Claude knows by their type alone: for other models what Claude was taught about them is
 * written out. Their calls have the same input wherever they come from, so nothing is lost with them.
 * Sources: the vendor's pages on the bash, text editor and memory tools, and the types of its library, read on 2026-11-23.
 */

const text = (description: string): JsonObject => ({ type: 'string', description });
const command = (...names: string[]): JsonObject => ({ type: 'string', enum: names });

const PATH = text('Path of the file or folder.');
const EDITING = {
  path: PATH,
  view_range: { type: 'array', items: { type: 'integer' }, description: 'For view: the first and the last line, from 1; -1 is the end.' },
  file_text: text('For create: what the file is to hold.'),
  old_str: text('For str_replace: the text to replace. It must stand in the file exactly so, and once.'),
  insert_line: { type: 'integer', description: 'For insert: the line to insert behind; 0 is the beginning.' },
} as const satisfies JsonObject;

type Taught = { description: string; properties: JsonObject; required: string[] };

const KNOWN: readonly [RegExp, Taught][] = [
  [
    /^bash_\d+$/,
    {
      description: 'Runs a command in a bash session that lasts from call to call, and returns what it printed.',
      properties: {
        command: text('The command to run.'),
        restart: { type: 'boolean', description: 'True starts the session anew, without a command.' },
      },
      required: [],
    },
  ],
  [
    // The first ones put text in by another name, and take an edit back.
    /^text_editor_(?:20241022|20250124)$/,
    {
      description: 'Views, creates and edits text files.',
      properties: {
        command: command('view', 'create', 'str_replace', 'insert', 'undo_edit'),
        ...EDITING,
        new_str: text('For str_replace: what stands there then. For insert: the text to insert.'),
      },
      required: ['command', 'path'],
    },
  ],
  [
    /^text_editor_\d+$/,
    {
      description: 'Views, creates and edits text files.',
      properties: {
        command: command('view', 'create', 'str_replace', 'insert'),
        ...EDITING,
        new_str: text('For str_replace: what stands there then.'),
        insert_text: text('For insert: the text to insert.'),
      },
      required: ['command', 'path'],
    },
  ],
  [
    /^memory_\d+$/,
    {
      description:
        'Keeps notes for later conversations in files below /memories. Look there before a task, and write down what will be of use.',
      properties: {
        command: command('view', 'create', 'str_replace', 'insert', 'delete', 'rename'),
        ...EDITING,
        new_str: text('For str_replace: what stands there then.'),
        insert_text: text('For insert: the text to insert.'),
        old_path: text('For rename: the path so far.'),
        new_path: text('For rename: the new path.'),
      },
      required: ['command'],
    },
  ],
];

/** Such a tool as any model knows tools; undefined for one that the provider runs, or that can't be told in words. */
export function taughtTool({ from, name, value }: Extract<ToolDefinition, { type: 'hosted' }>): ToolDefinition | undefined {
  const { type } = value;
  const taught = from === 'messages' && typeof type === 'string' ? KNOWN.find(([known]) => known.test(type))?.[1] : undefined;
  if (taught === undefined) return undefined;
  const { description, properties, required } = taught;
  return { type: 'function', name, description, parameters: { type: 'object', properties, required } };
}
