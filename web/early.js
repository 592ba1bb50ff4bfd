// @ts-check
/** Before anything is painted, so that nobody is dazzled: the chosen colours. */

import { applyTheme } from "./theme.js";

applyTheme();
