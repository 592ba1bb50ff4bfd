// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { switched } from "../theme.js";

test("the switch shows the other theme and keeps it only against the system", () => {
  assert.deepEqual(switched("dark", "dark"), { shown: "light", kept: "light" });
  assert.deepEqual(switched("light", "dark"), { shown: "dark", kept: null });
  assert.deepEqual(switched("light", "light"), { shown: "dark", kept: "dark" });
  assert.deepEqual(switched("dark", "light"), { shown: "light", kept: null });
});
