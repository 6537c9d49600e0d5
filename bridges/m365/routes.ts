import type { RouteName } from '../contract/index.ts';
import type { RouteFacts } from '../accounts/scope.ts';

const TERMS_URL = 'https://learn.microsoft.com/legal/microsoft-apis/terms-of-use';

/** What both ways ask of their owner. */
const SETUP = {
  setting: 'clientId',
  label: 'Client id of your app registration',
  help: 'Register an app of your own in Microsoft Entra, allow public client flows, and paste its application (client) id here. It is no secret.',
  url: 'https://entra.microsoft.com/#view/Microsoft_AAD_RegisteredApps/CreateApplicationBlade',
};

/** The ways to reach Microsoft 365 Copilot (SPEC sections 1 and 7). Both sign in by the owner's own app registration. */
export const M365_ROUTES: Readonly<Partial<Record<RouteName, RouteFacts>>> = {
  'work-iq': {
    label: 'Work IQ',
    standing: 'preview',
    terms:
      'Microsoft bills Copilot Credits to your organization for these calls, an administrator has to allow them, and the answers are made of what you may read at work; Microsoft’s API terms apply.',
    termsUrl: TERMS_URL,
    needs: 'browser',
    byCode: true,
    defaultScope: ['app'],
    setup: SETUP,
  },
  graph: {
    label: 'Microsoft Graph (beta)',
    standing: 'preview',
    terms:
      'Microsoft offers this API as a beta that is not for production, to users with a Microsoft 365 Copilot licence, and the answers are made of what you may read at work; Microsoft’s API terms apply.',
    termsUrl: TERMS_URL,
    needs: 'browser',
    byCode: true,
    defaultScope: ['app'],
    setup: SETUP,
  },
};
