import type { DoctorCheck, Status } from '../../contract/index.ts';
import { localTime } from '../../engine/clock.ts';
import { bytes, table, type Output } from './output.ts';

/** `drawbridge status`, for people. */
export function showStatus(status: Status, output: Output): void {
  output.out(`Drawbridge ${status.version} (${status.host}), process ${status.pid}, since ${localTime(status.startedAt).slice(0, 16)}`);
  output.out(`State folder ${status.home}\n`);
  output.out(
    table([
      ['listener', 'state', 'address', 'reason'],
      ...status.listeners.map((listener) => [listener.name, listener.state, listener.address ?? '–', listener.reason ?? '']),
    ]),
  );
  output.out('');
  output.out(
    table([
      ['upstream', 'state', 'where', 'about'],
      ...status.upstreams.map((upstream) => [
        upstream.label,
        upstream.state,
        upstream.baseUrl ?? (upstream.kind === 'practice' ? 'built in' : '–'),
        upstream.reason ?? '',
      ]),
    ]),
  );
  for (const bridge of status.bridges)
    output.out(`Bridge ${bridge.label}: ${bridge.state}${bridge.reason === null ? '' : ` (${bridge.reason})`}`);
  for (const tunnel of status.tunnels)
    output.out(`Tunnel ${tunnel.name}: ${tunnel.state}${tunnel.reason === null ? '' : ` (${tunnel.reason})`}`);
  const { capture } = status;
  output.out(
    `\nCapture: ${capture.state}, ${capture.calls} calls, ${bytes(capture.storeBytes)}, ${capture.dropped} dropped${capture.reason === null ? '' : ` (${capture.reason})`}`,
  );
  for (const notice of status.notices) output.out(`${notice.level}: ${notice.title}. ${notice.cause}`);
}

/** `drawbridge doctor`, for people. Returns false where a check failed. */
export function showChecks(checks: readonly DoctorCheck[], output: Output): boolean {
  const marks = { ok: 'ok     ', warning: 'warning', failed: 'FAILED ', skipped: 'skipped' };
  for (const check of checks) {
    output.out(`${marks[check.state]}  ${check.title}: ${check.found}`);
    if (check.mend !== null) output.out(`         ${check.mend}`);
  }
  return checks.every((check) => check.state !== 'failed');
}
