import { Check, Copy } from 'lucide-react';
import { useEffect, useState } from 'react';
import { cn } from '../lib/cn.ts';
import { copyText } from '../lib/copy-text.ts';
import { Button, IconButton } from './button.tsx';
import { toastError } from './toasts.tsx';

/** Copies a text, made only then where that takes work, and says that it did. With `caption` it is a full button, without one an icon. */
export function CopyButton({
  text,
  label,
  caption,
  className,
}: {
  text: string | (() => string);
  label: string;
  caption?: string;
  className?: string;
}) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return undefined;
    const timer = setTimeout(() => setCopied(false), 1500);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = (): void =>
    void copyText(typeof text === 'string' ? text : text()).then(
      () => setCopied(true),
      (error: unknown) => toastError('This could not be copied', error),
    );
  const icon = copied ? <Check aria-hidden size={14} className="text-ok" /> : <Copy aria-hidden size={14} />;
  if (caption === undefined) {
    return (
      <IconButton label={copied ? 'Copied' : label} onClick={copy} className={cn('size-6', className)}>
        {icon}
      </IconButton>
    );
  }
  return (
    <Button onClick={copy} aria-label={copied ? 'Copied' : label} className={className}>
      {icon}
      {copied ? 'Copied' : caption}
    </Button>
  );
}
