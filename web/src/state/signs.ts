// The reactions in the order they are offered.

import type { Reaction } from '../protocol/words';

export const REACTIONS: Reaction[] = ['thumbs_up', 'heart', 'clap', 'laugh', 'surprise', 'celebrate'];
