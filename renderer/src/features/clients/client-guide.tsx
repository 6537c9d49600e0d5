import type { ReactNode } from 'react';
import type { ClientEnv } from '../../../../bridges/contract/index.ts';
import { CodeBlock } from '../../components/code-block.tsx';

/** How one client is pointed at the companion: variables, files, a command to try it. */
export function ClientGuide({ client, standing }: { client: ClientEnv; standing: ReactNode }) {
  const { variables, files, command, notes } = client;
  const needsKey = [command, ...variables.map(({ value }) => value), ...files.map(({ content }) => content)].some((text) =>
    text.includes('<key>'),
  );
  return (
    <div className="grid gap-4">
      <div className="flex flex-wrap items-center gap-3">
        <h3 className="text-base font-semibold">{client.label}</h3>
        {standing}
      </div>
      {needsKey && (
        <p className="text-muted">
          Put a client key in place of <code className="font-mono text-xs">&lt;key&gt;</code>. Keep one key for each program.
        </p>
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

function Step({ title, children }: { title: ReactNode; children: ReactNode }) {
  return (
    <section className="grid gap-1.5">
      <h4 className="text-xs font-medium text-muted">{title}</h4>
      {children}
    </section>
  );
}

/** A value as a POSIX shell reads it back. */
function quoted(value: string): string {
  return /^[\w./:@%+=-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`;
}
