import { netOf } from '../../bridges/accounts/net.ts';
import { chatgptSession } from '../../bridges/codex/chatgpt.ts';
import { directSource } from '../../bridges/copilot/github.ts';
import { copilotSession } from '../../bridges/copilot/session.ts';
import { systemClock } from '../../bridges/engine/clock.ts';
import { BACK_ENDS } from '../../bridges/m365/back-end.ts';
import { m365Session } from '../../bridges/m365/session.ts';
import { TENANT } from '../fakes/microsoft.ts';
import { fileSecrets } from './keeper.support.ts';

// One of two processes that renew the same sign-in at once (processes.test.ts).
const [, , bridge = '', secretsFile = '', lockFile = '', url = '', clientId = ''] = process.argv;
const net = netOf('Drawbridge/test');
const shared = { secrets: fileSecrets(secretsFile), lockFile, clock: systemClock, net, tell: () => {} };
const api = (): string => url;
const sessions = {
  codex: () => chatgptSession({ ...shared, secret: 'codex/one', issuer: api, onUnknown: () => {} }),
  copilot: () =>
    copilotSession({
      ...shared,
      secret: 'copilot/one',
      source: directSource({ net, clock: systemClock, api, userAgent: 'Drawbridge/test' }),
      github: api,
      clientId: () => clientId,
    }),
  m365: () =>
    m365Session({
      ...shared,
      id: 'one',
      backEnd: BACK_ENDS.graph,
      baseUrl: api,
      app: () => ({ clientId, tenant: TENANT, login: url }),
      onFault: () => {},
    }),
};
const session = bridge === 'codex' || bridge === 'copilot' || bridge === 'm365' ? sessions[bridge]() : undefined;
// Ready; goes off when it is told to, so that both go off together.
console.log('READY');
process.stdin.once('data', () => {
  void session?.grant().then((grant) => {
    console.log(`RESULT ${JSON.stringify('error' in grant ? grant.error : grant.token)}`);
    process.exit();
  });
});
