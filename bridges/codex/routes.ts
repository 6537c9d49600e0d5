import type { RouteName } from '../contract/index.ts';
import type { RouteFacts } from '../accounts/scope.ts';

/** The ways to sign in to Codex, with what OpenAI publishes about each (SPEC sections 1 and 3.1.7). */
export const CODEX_ROUTES: Readonly<Partial<Record<RouteName, RouteFacts>>> = {
  'api-key': {
    label: 'OpenAI API key',
    standing: 'official',
    terms: 'Calls are billed to your own OpenAI platform account, and the key is yours to use from any of your programs.',
    termsUrl: 'https://openai.com/policies/services-agreement/',
    needs: 'key',
    defaultScope: ['app', 'clients', 'gateway'],
  },
  chatgpt: {
    label: 'Continue with ChatGPT',
    standing: 'preview',
    terms:
      'Your ChatGPT plan may be used for the app you connect only: OpenAI’s terms exclude general API access for other tools and unrelated requests.',
    termsUrl: 'https://openai.com/policies/sign-in-with-chatgpt-terms',
    needs: 'browser',
    defaultScope: ['app'],
  },
  'codex-cli': {
    label: 'The Codex CLI’s own login',
    standing: 'unofficial',
    terms: 'OpenAI documents this login for Codex itself; no published terms cover its use by other tools, and it may be closed to them.',
    termsUrl: 'https://openai.com/policies/terms-of-use/',
    needs: 'nothing',
    defaultScope: ['app'],
  },
};
