import { createTokenKeeper } from '../../bridges/accounts/keeper.ts';
import { systemClock } from '../../bridges/engine/clock.ts';
import { fileSecrets, httpAdapter } from './keeper.support.ts';

// One of two processes that renew the same sign-in at once (keeper.test.ts).
const [, , secretsFile = '', lockFile = '', url = ''] = process.argv;
const keeper = createTokenKeeper({
  secret: 'tokens',
  secrets: fileSecrets(secretsFile),
  lockFile,
  clock: systemClock,
  adapter: httpAdapter(url, systemClock),
  tell: () => {},
});
// Ready; goes off when it is told to, so that both go off together.
console.log('READY');
process.stdin.once('data', () => {
  void keeper.get().then((answer) => {
    console.log(`RESULT ${JSON.stringify('tokens' in answer ? answer.tokens.access : answer.problem)}`);
    process.exit();
  });
});
