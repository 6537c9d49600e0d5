import logo from '../../../resources/icons/drawbridge.svg';
import { CodeBlock } from '../components/code-block.tsx';

/** Takes the whole page once the engine refuses this window. Nothing here can mend it but a new link. */
export function SessionEnded() {
  return (
    <main className="grid h-full place-items-center overflow-auto p-6">
      <div role="alert" className="grid w-full max-w-md gap-3">
        <img src={logo} alt="" className="size-9" />
        <h1 className="text-lg font-semibold">This window’s session has ended</h1>
        <p className="text-muted">
          A window is opened with a link that works once, and its session ends when the engine restarts. Nothing was lost: your calls and
          keys are where they were.
        </p>
        <p className="text-muted">Open a new window from the menu bar, or with this command:</p>
        <CodeBlock text="drawbridge open" label="command" />
        <p className="text-xs text-faint">You can close this one.</p>
      </div>
    </main>
  );
}
