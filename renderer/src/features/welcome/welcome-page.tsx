import { Page } from '../../components/page.tsx';

/** The first steps. */
export function WelcomePage() {
  return <Page>Welcome</Page>;
}
