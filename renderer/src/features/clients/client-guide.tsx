import type { ReactNode } from 'react';
import type { ClientEnv } from '../../../../bridges/contract/index.ts';
import { CodeBlock } from '../../components/code-block.tsx';
import { CreateKey } from './create-key.tsx';

/** How one client is pointed at the companion: variables, files, a command to try it. `isAttached`: nothing is left to be done by hand. */
export function ClientGuide({ client, isAttached = false }: { client: ClientEnv; isAttached?: boolean }) {
  const { command } = client;
  const { variables, files, notes } = isAttached ? NOTHING : client;
  const needsKey = [isAttached ? '' : command, ...variables.map(({ value }) => value), ...files.map(({ content }) => content)].some(
    (text) => text.includes('<key>'),
  );
  return (
    <div className="grid grid-cols-[minmax(0,1fr)] gap-4">
      {needsKey && (
        <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
          <p className="min-w-0 flex-1 basis-72 text-muted">
            Put a client key in place of <code className="font-mono text-xs">&lt;key&gt;</code>. Each program has one of its own, so that
            its calls bear its name and it can be shut out alone.
          </p>
          <CreateKey name={client.client} caption={`Create a key for ${client.label}`} look="plain" />
        </div>
      )}
      {variables.length > 0 && (
        <Step title="Set these variables">
          <CodeBlock
            label={`variables for ${client.label}`}
            text={variables.map(({ name, value }) => `export ${name}=${quoted(value)}`).join('\n')}
          />
        </Step>
      )}
      {files.map((file) => (
        <Step key={file.path} title={<code className="font-mono text-xs">{file.path}</code>}>
          <CodeBlock label={`content of ${file.path}`} text={file.content} />
        </Step>
      ))}
      {command !== '' && (
        <Step title="Try it">
          <CodeBlock label={`command that tries ${client.label}`} text={command} />
        </Step>
      )}
      {notes.length > 0 && (
        <ul className="grid list-disc gap-1 pl-4 text-xs text-muted marker:text-faint">
          {notes.map((note) => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      )}
    </div>
  );
}

const NOTHING: Pick<ClientEnv, 'variables' | 'files' | 'notes'> = { variables: [], files: [], notes: [] };

function Step({ title, children }: { title: ReactNode; children: ReactNode }) {
  return (
    <section className="grid grid-cols-[minmax(0,1fr)] gap-1.5">
      <h4 className="text-xs font-medium text-muted">{title}</h4>
      {children}
    </section>
  );
}

/** A value as a POSIX shell reads it back. */
function quoted(value: string): string {
  return /^[\w./:@%+=-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`;
}
