import { defineConfig } from "vite";
import solid from "vite-plugin-solid";

export default defineConfig({
  plugins: [solid()],
  build: { target: "es2022", modulePreload: { polyfill: false }, assetsInlineLimit: 0, reportCompressedSize: false },
  // The page during its development: the files from here, the API of a node.
  server: { proxy: { "/api": { target: process.env.YADO_NODE ?? "https://localhost:8006", secure: false, ws: true } } },
});
