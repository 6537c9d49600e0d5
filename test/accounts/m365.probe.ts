import { netOf } from '../../bridges/accounts/net.ts';
import { systemClock } from '../../bridges/engine/clock.ts';
import { BACK_ENDS } from '../../bridges/m365/back-end.ts';
import { m365Session } from '../../bridges/m365/session.ts';
import { TENANT } from '../fakes/microsoft.ts';
import { fileSecrets } from './keeper.support.ts';

// One of two processes that renew the same Microsoft sign-in at once (m365-processes.test.ts).
const [, , secretsFile = '', lockFile = '', login = '', clientId = '', id = ''] = process.argv;
const session = m365Session({
  id,
  backEnd: BACK_ENDS.graph,
  baseUrl: () => login,
  secrets: fileSecrets(secretsFile),
  lockFile,
  clock: systemClock,
  net: netOf('Drawbridge/test'),
  app: () => ({ clientId, tenant: TENANT, login }),
  onFault: () => {},
  tell: () => {},
});
// Ready; goes off when it is told to, so that both go off together.
console.log('READY');
process.stdin.once('data', () => {
  void session.grant().then((grant) => {
    console.log(`RESULT ${JSON.stringify('error' in grant ? grant.error : grant.token)}`);
    process.exit();
  });
});
