import { describe } from 'vitest';
import { claudeCode } from './clients.ts';
import { describeProposedCommand, describeTurns } from './turns.ts';

describe('Claude Code', () => {
  describeProposedCommand(claudeCode);
  describeTurns(claudeCode);
});
