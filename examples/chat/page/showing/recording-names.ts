/** What the recordings and the demos are called on the page; the server knows them by their files. */
const NAMES: Readonly<Record<string, string>> = {
  'openai-chat.text': 'A long plain answer (OpenAI)',
  'openai-responses.web-search': 'Searching the web (OpenAI)',
  'openai-responses.reasoning-tool': 'Reasoning with a calculator (OpenAI)',
  'openai-responses.long': 'A long answer in large pieces (OpenAI)',
  'openai-responses.mcp-approval.1': 'Shortening a link, asks first (OpenAI)',
  'openai-responses.mcp-approval.2': 'Shortening a link, once allowed (OpenAI)',
  'openai-responses.mcp-approval.3': 'Shortening another link, asks first (OpenAI)',
  'openai-responses.mcp-approval.4': 'Shortening another link, once allowed (OpenAI)',
  'anthropic.web-search': 'Searching the web (Anthropic)',
  'anthropic.code-execution': 'Writing and running code (Anthropic)',
  'google.search': 'Searching the web (Google)',
  'demo.question': 'A weekend away: two questions',
  'demo.batch': 'A meeting to move: three calls to allow',
  'demo.guess': 'Guess my number: five questions',
};

/** A file that somebody has added keeps its own name. */
export function nameOfRecording(file: string): string {
  return NAMES[file] ?? file;
}
