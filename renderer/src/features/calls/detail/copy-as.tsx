import { Menu } from '@base-ui/react/menu';
import { useMutation, useQuery } from '@tanstack/react-query';
import { ChevronDown, Copy } from 'lucide-react';
import type { CallDetail } from '../../../../../bridges/contract/index.ts';
import { toast, toastError } from '../../../components/toasts.tsx';
import { client } from '../../../host.ts';
import { copyText } from '../../../lib/copy-text.ts';
import { engine } from '../../../lib/engine.ts';
import { asCode, CODE_FORMS, type CodeForm } from './as-code.ts';

/** Copies the client's request as something that makes it again, with the body whole. */
export function CopyAs({ detail, limit }: { detail: CallDetail; limit: number }) {
  const { data: status } = useQuery(engine.status.get.queryOptions());
  const address = status?.listeners.find(({ name }) => name === 'companion')?.address ?? '127.0.0.1:11435';
  const copy = useMutation({
    mutationFn: async (form: CodeForm) => {
      const { call } = detail;
      const held = detail.client.request;
      const { headers, body } = held.body?.whole === false ? (await client.calls.get({ id: call.id, limit })).client.request : held;
      const text = body !== null && body.encoding === 'utf8' && body.bytes > 0 ? body.content : null;
      await copyText(asCode(form, { method: call.method, url: `http://${address}${call.path}`, headers, body: text }));
    },
    onError: (error) => toastError('The request could not be copied', error),
    onSuccess: () => toast({ title: 'Copied. Put a client key in place of <key>.' }),
  });
  return (
    <Menu.Root>
      <Menu.Trigger
        disabled={copy.isPending}
        className="inline-flex h-7 shrink-0 items-center gap-1.5 rounded-md border border-line-strong bg-raised px-2 text-xs font-medium hover:bg-hover data-popup-open:bg-hover"
      >
        <Copy aria-hidden size={13} />
        Copy as
        <ChevronDown aria-hidden size={13} />
      </Menu.Trigger>
      <Menu.Portal>
        <Menu.Positioner sideOffset={4} align="end" className="z-40 outline-none">
          <Menu.Popup className="min-w-40 rounded-lg border bg-raised p-1 shadow-lg outline-none">
            {CODE_FORMS.map(({ id, label }) => (
              <Menu.Item
                key={id}
                onClick={() => copy.mutate(id)}
                className="flex h-7 items-center rounded px-2 text-xs outline-none data-highlighted:bg-hover"
              >
                {label}
              </Menu.Item>
            ))}
          </Menu.Popup>
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  );
}
