// The page's entry: words in the right language, then the one component.

import { mount } from 'svelte';
import { language, speak } from './i18n';
import './styles/tokens.css';
import './styles/base.css';
import App from './view/App.svelte';

document.documentElement.lang = language;
await speak();
const target = document.getElementById('app');
if (target !== null) mount(App, { target });
