import type { z } from 'zod';
import type { ProviderPreset, WantedProvider } from '../../contract/providers.ts';

/** A provider as it is proposed: what is left out has the settings' default. */
export type Preset = Omit<z.input<typeof ProviderPreset>, 'from'>;
/** A provider as its owner gives it. */
export type Given = z.infer<typeof WantedProvider>;

/**
 * Base URLs as the vendors give them to OpenAI's and Anthropic's libraries, read in their documentation on 2026-11-24. What
 * runs on this machine has the port its makers chose.
 */
export const PRESETS: readonly Preset[] = [
  { name: 'anthropic-key', label: 'Anthropic, by key', baseUrl: 'https://api.anthropic.com', wires: ['messages'], keyHeader: 'x-api-key' },
  { name: 'openai-key', label: 'OpenAI, by key', baseUrl: 'https://api.openai.com/v1', wires: ['responses', 'chat'] },
  { name: 'openrouter', label: 'OpenRouter', baseUrl: 'https://openrouter.ai/api/v1', wires: ['chat', 'responses', 'messages'] },
  {
    name: 'deepseek',
    label: 'DeepSeek',
    baseUrl: 'https://api.deepseek.com',
    messagesUrl: 'https://api.deepseek.com/anthropic',
    wires: ['chat', 'messages'],
  },
  {
    name: 'moonshot',
    label: 'Moonshot AI (Kimi)',
    baseUrl: 'https://api.moonshot.ai/v1',
    messagesUrl: 'https://api.moonshot.ai/anthropic',
    wires: ['chat', 'responses', 'messages'],
  },
  { name: 'gemini', label: 'Google Gemini', baseUrl: 'https://generativelanguage.googleapis.com/v1beta/openai', wires: ['chat'] },
  { name: 'mistral', label: 'Mistral', baseUrl: 'https://api.mistral.ai/v1', wires: ['chat'] },
  { name: 'groq', label: 'Groq', baseUrl: 'https://api.groq.com/openai/v1', wires: ['chat'] },
  { name: 'xai', label: 'xAI', baseUrl: 'https://api.x.ai/v1', wires: ['responses', 'chat'] },
  {
    name: 'ollama',
    label: 'Ollama, on this machine',
    baseUrl: 'http://127.0.0.1:11434/v1',
    wires: ['chat', 'responses', 'messages'],
    credential: 'none',
  },
  {
    name: 'lm-studio',
    label: 'LM Studio, on this machine',
    baseUrl: 'http://127.0.0.1:1234/v1',
    wires: ['chat', 'responses', 'messages'],
    credential: 'none',
  },
  {
    name: 'llama-cpp',
    label: 'llama.cpp, on this machine',
    baseUrl: 'http://127.0.0.1:8080/v1',
    wires: ['chat', 'messages'],
    credential: 'none',
  },
];

/** True for the address of a vendor: its name leads to no private address. Pure. */
export function isVendors(url: string): boolean {
  const { origin, protocol } = new URL(url);
  return protocol === 'https:' && PRESETS.some(({ baseUrl }) => new URL(baseUrl).origin === origin);
}
