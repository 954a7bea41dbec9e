// Package html makes one page of a result that a browser shows without any network.
//
//  1. [Write] takes a view.Source, and has package view read it.
//  2. What it shows becomes JSON in a script element of type application/json, and the
//     page is put together by html/template from the files in assets.
//  3. A [Comparison] with other runs is a section without a script, and
//     [WriteComparison] makes it a page of its own.
//
// # The page
//
// What ran and how complete the evidence is comes first, then throughput over time,
// the waterfall of connections, processes, endpoints, and distributions. Names of
// processes, hosts and files are text: scripts put them into the page by textContent
// alone, and in JSON <, > and & are escaped, so that no text ends the element it is
// in. A content security policy names the digests of the one style and the one script
// that may be there, and allows nothing to be loaded or sent.
//
// # Limits
//
// A page is smaller than [MaxSize]: where it is not, all lists and texts of the view
// become shorter until it is. What is left out is counted on the page; sums and
// distributions are over all of it.
//
// The bytes of a page depend on its source alone.
//
// # What others wrote
//
// assets/uplot.js and assets/uplot.css are those of uPlot 1.6.32 (npm, dist), under
// the MIT licence in assets/uplot.LICENSE, which every page holds.
package html
