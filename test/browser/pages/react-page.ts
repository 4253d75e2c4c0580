/**
 * A page of React's, as a test has it in a browser: mounted in strict mode, following the stream that it is told, with all
 * that the hook gives in sight.
 */
import { textContent } from 'generation-jobs/content';
import { type UsedGeneration, useGeneration } from 'generation-jobs/react';
import { createElement, memo, StrictMode, useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';

interface Page {
  readonly document: { getElementById(id: string): Element | null };
  /** What is rendered; undefined while nothing is mounted. */
  shown: UsedGeneration<{ text: string }> | undefined;
  show: (streamId: string | null) => void;
  unmount: () => void;
}
const page = globalThis as unknown as Page;

const Text = memo(({ content }: { readonly content: { readonly text: string } | undefined }) =>
  createElement('p', { id: 'answer' }, content?.text ?? ''),
);

function Answer({ streamId }: { readonly streamId: string | null }) {
  // A model and a function of their own at each rendering, as people write them.
  const used = useGeneration(streamId, {
    url: '/api/chat',
    contentModel: textContent(),
    headers: () => ({ 'x-session': 'ann' }),
  });
  useEffect(() => {
    page.shown = used;
    return () => {
      page.shown = undefined;
    };
  });
  return createElement(Text, { content: used.content });
}

function App() {
  const [streamId, show] = useState<string | null>(null);
  page.show = show;
  return createElement(Answer, { streamId });
}

const place = page.document.getElementById('root');
if (place === null) throw new Error('The page has no place for it.');
const root = createRoot(place);
root.render(createElement(StrictMode, null, createElement(App)));
page.unmount = () => root.unmount();
