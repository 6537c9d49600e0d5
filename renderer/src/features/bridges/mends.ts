/** What the window can do about a finding of a bridge's doctor. */
export type DoctorMend = { label: string; does: 'sign-in' | 'enable' | 'retry' | 'scope' | 'limits' | 'settings' };

/** The mend for a check by its name, with or without the bridge's before it; null where only a person outside of this window can. */
export function mendOf(check: string): DoctorMend | null {
  switch (check.replace(/^(?:codex|copilot|m365)-/, '')) {
    case 'account':
    case 'account-type':
    case 'sign-in':
    case 'app':
    case 'directory':
    case 'consent':
      return { label: 'Sign in', does: 'sign-in' };
    case 'enabled':
      return { label: 'Switch it on', does: 'enable' };
    case 'listener':
      return { label: 'Choose a port', does: 'settings' };
    case 'ceiling':
      return { label: 'Go to the limits', does: 'limits' };
    case 'scope':
      return { label: 'Go to the scope', does: 'scope' };
    case 'models':
    case 'last-error':
      return { label: 'Look again', does: 'retry' };
    default:
      return null;
  }
}
