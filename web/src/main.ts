// The page's entry: words in the right language, what there is to know of the room, then the one component.

import { mount } from 'svelte';
import { language, speak } from './i18n';
import { lookAt, type Look } from './signalling/rest';
import { routeOf } from './state/route';
import './styles/tokens.css';
import './styles/base.css';
import App from './view/App.svelte';

/** Drawn without the room after this long: better a page that changes than none. */
const PATIENCE_MS = 500;

async function first(): Promise<Look> {
  const route = routeOf(location.pathname, location.hash);
  if (route.page !== 'room') return null;
  const late = new Promise<null>((answer) => setTimeout(answer, PATIENCE_MS, null));
  // The head of the page asked for it already.
  return Promise.race([lookAt(route.invitation, 'default'), late]);
}

document.documentElement.lang = language;
const [look] = await Promise.all([first(), speak()]);
const target = document.getElementById('app');
if (target !== null) mount(App, { target, props: { look } });
