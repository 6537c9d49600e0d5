import { describe } from 'vitest';
import { codex } from './clients.ts';
import { describeProposedCommand, describeTurns } from './turns.ts';

describe('Codex CLI', () => {
  describeProposedCommand(codex);
  describeTurns(codex);
});
