// Package chart draws the main charts of a result, for papers: as SVG, or as PNG.
//
//  1. Names lists the charts. Write draws one of what package view has read.
//  2. Each is drawn once, on a canvas: rectangles, areas, lines and texts. There are two:
//     svg writes elements, raster fills pixels.
//
// Colours are those of Okabe and Ito, which people tell apart who do not see all colours,
// on white, in an order in which neighbours differ in lightness too, for paper without
// colours; lines differ in their dashes. Texts are laid out by the widths of the Go font, which raster
// draws with; who shows an SVG uses a font of its own, of much the same widths.
//
// # What others wrote
//
// Names of processes, phases and hosts are texts: in SVG <, >, & and quotes are escaped,
// and in both what is no printable character becomes U+FFFD, so that none of them turns
// the direction of what follows. They are cut where there is no more room. An SVG has no
// script, no link and no style of another place.
//
// # Limits
//
// A chart has at most 250 steps of time, 7 processes, 40 connections with 48 stretches
// each, and 200 phases: however large the result is, it is no more than some hundred kB. The
// bytes depend on what is drawn alone.
package chart
