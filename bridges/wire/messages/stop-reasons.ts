import type { JsonValue, StopReason } from '../turn.ts';

const FROM_WIRE = new Map<JsonValue | undefined, StopReason>([
  ['end_turn', 'end_turn'],
  ['tool_use', 'tool_use'],
  ['max_tokens', 'max_tokens'],
  ['stop_sequence', 'stop_sequence'],
  ['refusal', 'refusal'],
  ['pause_turn', 'pause_turn'],
  ['model_context_window_exceeded', 'context_window'],
]);

/** The stop reason behind a `stop_reason`. Where it is absent or unknown, the calls of the reply tell it. */
export function stopReason(value: JsonValue | undefined, hasCalls: boolean): StopReason {
  return FROM_WIRE.get(value) ?? (hasCalls ? 'tool_use' : 'end_turn');
}

/** The `stop_reason` for a stop reason. A refusal that was said as one is told as one. */
export function wireStopReason(stop: StopReason, refused: boolean): string {
  if (stop === 'content_filter') return 'refusal';
  if (stop === 'context_window') return 'model_context_window_exceeded';
  return refused && stop === 'end_turn' ? 'refusal' : stop;
}
