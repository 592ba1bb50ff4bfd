// What of the page's text has too little contrast, in the theme that it has now: a text for each, none when all is well.
() => {
  const LEAST = 4.5;
  // Beside the picture lies its light. At the edge of the picture two thirds of its strength are left (ambience.js), which
  // makes a dark page at most this bright, and a light page at most this dark.
  const isLight = getComputedStyle(document.documentElement).colorScheme === "light" ||
    (document.documentElement.dataset.theme === undefined && matchMedia("(prefers-color-scheme: light)").matches);
  const light = isLight ? [213, 213, 213, 1] : [68, 68, 68, 1];
  const read = (text) => {
    const [r, g, b, a = 1] = text.match(/[\d.]+/g).map(Number);
    return [r, g, b, a];
  };
  const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a), 1];
  const luminance = (colour) => {
    const [r, g, b] = colour.slice(0, 3).map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (a, b) => {
    const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
  };
  const page = over(read(getComputedStyle(document.body).backgroundColor), [255, 255, 255]);
  const measure = (element, ground) => {
    const chain = [];
    for (let node = element; node !== null; node = node.parentElement) chain.unshift(node);
    let back = ground;
    let opacity = 1;
    for (const node of chain) {
      const style = getComputedStyle(node);
      opacity *= Number(style.opacity);
      if (node !== document.body && node !== document.documentElement) back = over(read(style.backgroundColor), back);
    }
    const [r, g, b, a] = read(getComputedStyle(element).color);
    return ratio(over([r, g, b, a * opacity], back), back);
  };
  const problems = [];
  for (const element of document.querySelectorAll("body *")) {
    const says = [...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE).map((node) => node.data).join("").trim();
    // Text on a veil over the picture has a ground of its own; what is hidden is not read; options are drawn by the browser.
    if (says === "" || element.closest(".veil, .unseen, noscript, option") || !element.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true })) continue;
    for (const ground of [page, light]) {
      const found = measure(element, ground);
      if (found < LEAST) problems.push(`${found.toFixed(2)}: ${says.slice(0, 40)} (${element.className || element.tagName})`);
    }
  }
  return problems;
}
