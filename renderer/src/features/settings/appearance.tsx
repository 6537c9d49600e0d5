import { Card } from '../../components/card.tsx';
import { FormRow, FormRows } from '../../components/form.tsx';
import { Segmented } from '../../components/segmented.tsx';
import { useStore } from '../../lib/store.ts';
import { theme } from '../../lib/theme.ts';
import { chooseTheme } from '../../shell/theme.ts';

/** How this window looks. */
export function Appearance() {
  return (
    <Card title="Appearance">
      <FormRows>
        <FormRow title="Theme" hint="Kept in the settings, so that every window looks the same.">
          <Segmented
            label="Theme"
            value={useStore(theme)}
            options={[
              { value: 'system', label: 'System' },
              { value: 'light', label: 'Light' },
              { value: 'dark', label: 'Dark' },
            ]}
            onChange={chooseTheme}
          />
        </FormRow>
      </FormRows>
    </Card>
  );
}
