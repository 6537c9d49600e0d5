import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { BUTTON_LINK } from '../../components/button-link.ts';
import { Card } from '../../components/card.tsx';
import { FormRow, FormRows } from '../../components/form.tsx';
import { engine } from '../../lib/engine.ts';
import { plural } from '../../lib/format.ts';

/** Where keys are kept, and the way to them. */
export function Keys() {
  const { data: keys } = useQuery(engine.keys.list.queryOptions());
  const unused = keys?.filter((key) => key.lastUsedAt === null).length ?? 0;
  return (
    <Card title="Keys">
      <FormRows>
        <FormRow
          title="Client keys"
          hint={
            keys === undefined
              ? 'Each client carries one. Only a hash of it is kept.'
              : `${plural(keys.length, 'key')}, ${unused} never used. Only a hash of each is kept.`
          }
        >
          <Link to="/clients" className={BUTTON_LINK}>
            Go to the keys
          </Link>
        </FormRow>
      </FormRows>
    </Card>
  );
}
