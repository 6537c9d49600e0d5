import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import type { WireFormat } from '../../bridges/wire/turn.ts';

/** What a program asks through a vendor's own library. */
export type Ask = {
  model: string;
  text: string;
  tools?: readonly string[];
  image?: string;
  /** Calls of an earlier reply and what the tools said. */
  results?: readonly { call: SdkCall; result: string }[];
};

export type SdkCall = { id: string; name: string; input: unknown };

/** What the library makes of the reply. */
export type Told = {
  text: string;
  reasoning: string;
  calls: SdkCall[];
  stop: string | null | undefined;
  input: number | undefined;
  output: number | undefined;
};

/** A stream that its reader can leave. */
export type Leavable = AsyncIterable<unknown> & { abort(): void };

export type SdkClient = {
  create(ask: Ask): Promise<Told>;
  stream(ask: Ask): Promise<Told>;
  /** The same stream, event by event. */
  events(ask: Ask): Leavable;
  /** The library's own classes of errors. */
  errors: { any: ErrorClass; rateLimit: ErrorClass; server: ErrorClass; abort: ErrorClass };
  stops: { text: string; tool: string };
};

type ErrorClass = abstract new (...args: never[]) => Error;

const PARAMETERS = { type: 'object' as const, properties: { city: { type: 'string' } }, required: ['city'] };

/** The vendors' libraries, pointed at an engine, without retries of their own. */
export function sdkClient(format: WireFormat, origin: string, key: string): SdkClient {
  switch (format) {
    case 'chat':
      return chatClient(new OpenAI({ baseURL: `${origin}/v1`, apiKey: key, maxRetries: 0 }));
    case 'responses':
      return responsesClient(new OpenAI({ baseURL: `${origin}/v1`, apiKey: key, maxRetries: 0 }));
    case 'messages':
      return messagesClient(new Anthropic({ baseURL: origin, apiKey: key, maxRetries: 0 }));
  }
}

const OPENAI_ERRORS = {
  any: OpenAI.APIError,
  rateLimit: OpenAI.RateLimitError,
  server: OpenAI.InternalServerError,
  abort: OpenAI.APIUserAbortError,
};

const ANTHROPIC_ERRORS = {
  any: Anthropic.APIError,
  rateLimit: Anthropic.RateLimitError,
  server: Anthropic.InternalServerError,
  abort: Anthropic.APIUserAbortError,
};

// ---------------------------------------------------------------------------------------------- chat

function chatClient(client: OpenAI): SdkClient {
  const told = (completion: OpenAI.ChatCompletion): Told => {
    const [choice] = completion.choices;
    const message = choice?.message;
    return {
      text: message?.content ?? '',
      reasoning: message !== undefined && 'reasoning_content' in message ? String(message.reasoning_content) : '',
      calls: (message?.tool_calls ?? []).map((call) =>
        call.type === 'function'
          ? { id: call.id, name: call.function.name, input: JSON.parse(call.function.arguments) }
          : { id: call.id, name: call.custom.name, input: call.custom.input },
      ),
      stop: choice?.finish_reason,
      input: completion.usage?.prompt_tokens,
      output: completion.usage?.completion_tokens,
    };
  };
  const streamed = (ask: Ask) =>
    client.chat.completions.stream({ ...chatBody(ask), stream: true, stream_options: { include_usage: true } });
  return {
    create: async (ask) => told(await client.chat.completions.create(chatBody(ask))),
    stream: async (ask) => {
      let reasoning = '';
      // The library keeps only the last piece of a field that it does not know itself.
      const stream = streamed(ask).on('chunk', ({ choices }) => {
        const delta = choices[0]?.delta;
        if (delta !== undefined && 'reasoning_content' in delta) reasoning += String(delta.reasoning_content);
      });
      return { ...told(await stream.finalChatCompletion()), reasoning };
    },
    events: streamed,
    errors: OPENAI_ERRORS,
    stops: { text: 'stop', tool: 'tool_calls' },
  };
}

function chatBody({ model, text, image, tools, results = [] }: Ask): OpenAI.ChatCompletionCreateParamsNonStreaming {
  const content: OpenAI.ChatCompletionContentPart[] = [{ type: 'text', text }];
  if (image !== undefined) content.push({ type: 'image_url', image_url: { url: `data:image/png;base64,${image}` } });
  const messages: OpenAI.ChatCompletionMessageParam[] = [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content },
  ];
  if (results.length > 0) {
    const calls = results.map(({ call }) => ({
      id: call.id,
      type: 'function' as const,
      function: { name: call.name, arguments: JSON.stringify(call.input) },
    }));
    messages.push({ role: 'assistant', tool_calls: calls });
    for (const { call, result } of results) messages.push({ role: 'tool', tool_call_id: call.id, content: result });
  }
  return {
    model,
    messages,
    ...(tools !== undefined && {
      tools: tools.map((name) => ({
        type: 'function' as const,
        function: { name, description: `About ${name}.`, parameters: PARAMETERS },
      })),
    }),
  };
}

// ---------------------------------------------------------------------------------------------- responses

function responsesClient(client: OpenAI): SdkClient {
  const told = (response: OpenAI.Responses.Response): Told => ({
    text: response.output_text,
    reasoning: response.output
      .flatMap((item) => (item.type === 'reasoning' ? [...item.summary, ...(item.content ?? [])] : []))
      .map((part) => part.text)
      .join('\n\n'),
    calls: response.output.flatMap((item) =>
      item.type === 'function_call' ? [{ id: item.call_id, name: item.name, input: JSON.parse(item.arguments) }] : [],
    ),
    stop: response.status,
    input: response.usage?.input_tokens,
    output: response.usage?.output_tokens,
  });
  const streamed = (ask: Ask) => client.responses.stream({ ...responsesBody(ask), stream: true });
  return {
    create: async (ask) => told(await client.responses.create(responsesBody(ask))),
    stream: async (ask) => {
      const response = await streamed(ask).finalResponse();
      // A stream that ends in `response.failed` is no exception to the library; a program must look for it.
      if (response.error !== null) throw new Error(response.error.message);
      return told(response);
    },
    events: streamed,
    errors: OPENAI_ERRORS,
    stops: { text: 'completed', tool: 'completed' },
  };
}

function responsesBody({ model, text, image, tools, results = [] }: Ask): OpenAI.Responses.ResponseCreateParamsNonStreaming {
  const content: OpenAI.Responses.ResponseInputContent[] = [{ type: 'input_text', text }];
  if (image !== undefined) content.push({ type: 'input_image', image_url: `data:image/png;base64,${image}`, detail: 'auto' });
  return {
    model,
    instructions: 'Be brief.',
    input: [
      { role: 'user', content },
      ...results.map(({ call }) => ({
        type: 'function_call' as const,
        call_id: call.id,
        name: call.name,
        arguments: JSON.stringify(call.input),
      })),
      ...results.map(({ call, result }) => ({ type: 'function_call_output' as const, call_id: call.id, output: result })),
    ],
    ...(tools !== undefined && {
      tools: tools.map((name) => ({
        type: 'function' as const,
        name,
        description: `About ${name}.`,
        parameters: { ...PARAMETERS, additionalProperties: false },
        strict: true,
      })),
    }),
  };
}

// ---------------------------------------------------------------------------------------------- messages

function messagesClient(client: Anthropic): SdkClient {
  const told = (message: Anthropic.Message): Told => ({
    text: message.content.map((block) => (block.type === 'text' ? block.text : '')).join(''),
    reasoning: message.content.map((block) => (block.type === 'thinking' ? block.thinking : '')).join(''),
    calls: message.content.flatMap((block) => (block.type === 'tool_use' ? [{ id: block.id, name: block.name, input: block.input }] : [])),
    stop: message.stop_reason,
    input: message.usage.input_tokens,
    output: message.usage.output_tokens,
  });
  const streamed = (ask: Ask) => client.messages.stream(messagesBody(ask));
  return {
    create: async (ask) => told(await client.messages.create(messagesBody(ask))),
    stream: async (ask) => told(await streamed(ask).finalMessage()),
    events: streamed,
    errors: ANTHROPIC_ERRORS,
    stops: { text: 'end_turn', tool: 'tool_use' },
  };
}

function messagesBody({ model, text, image, tools, results = [] }: Ask): Anthropic.MessageCreateParamsNonStreaming {
  const content: Anthropic.ContentBlockParam[] = [{ type: 'text', text }];
  if (image !== undefined) content.push({ type: 'image', source: { type: 'base64', media_type: 'image/png', data: image } });
  const messages: Anthropic.MessageParam[] = [{ role: 'user', content }];
  if (results.length > 0) {
    messages.push(
      { role: 'assistant', content: results.map(({ call }) => ({ type: 'tool_use', ...call, input: call.input })) },
      { role: 'user', content: results.map(({ call, result }) => ({ type: 'tool_result', tool_use_id: call.id, content: result })) },
    );
  }
  return {
    model,
    max_tokens: 1000,
    system: 'Be brief.',
    messages,
    ...(tools !== undefined && { tools: tools.map((name) => ({ name, description: `About ${name}.`, input_schema: PARAMETERS })) }),
  };
}
