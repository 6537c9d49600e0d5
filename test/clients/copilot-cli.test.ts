import { describe } from 'vitest';
import { copilot, copilotOverChat, copilotOverMessages } from './clients.ts';
import { describeProposedCommand, describeTurns } from './turns.ts';

describe('Copilot CLI', () => {
  describeProposedCommand(copilot);
  describeTurns(copilot);
  describeTurns(copilotOverChat);
  describeTurns(copilotOverMessages);
});
