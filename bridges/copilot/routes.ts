import type { RouteName } from '../contract/index.ts';
import type { RouteFacts } from '../accounts/scope.ts';

export type CopilotRoute = Extract<RouteName, 'sdk' | 'device'>;

/** Both sign in by device flow, with an app of the owner's. */
const setup: RouteFacts['setup'] = {
  setting: 'clientId',
  label: 'Client id of your OAuth app',
  help: 'Make an OAuth app of your own at GitHub, tick “Enable Device Flow”, and paste its client id here. It is no secret.',
  url: 'https://github.com/settings/applications/new',
};

/** The ways to sign in to GitHub Copilot (SPEC sections 1 and 5). */
export const COPILOT_ROUTES: Readonly<Record<CopilotRoute, RouteFacts>> = {
  sdk: {
    label: 'GitHub’s Copilot SDK, with your own OAuth app',
    standing: 'official',
    terms:
      'GitHub documents its SDK for apps of one’s own; asking it for the model endpoint is experimental, and nothing published covers lending that to other programs. The SDK (some 130 MB) is installed beside Drawbridge’s settings where you have named none.',
    termsUrl: 'https://docs.github.com/site-policy/github-terms/github-terms-for-additional-products-and-features',
    needs: 'browser',
    defaultScope: ['app'],
    setup,
  },
  device: {
    label: 'GitHub, by your own OAuth app',
    standing: 'unofficial',
    terms:
      'GitHub documents no use of Copilot’s endpoints by other programs, and its staff have said that they are meant for its own; your account could be limited.',
    termsUrl: 'https://docs.github.com/site-policy/github-terms/github-terms-for-additional-products-and-features',
    needs: 'browser',
    defaultScope: ['app'],
    setup,
  },
};
