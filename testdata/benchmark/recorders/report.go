package main

import (
	"fmt"
	"slices"
	"time"
)

// report prints what was measured.
func report(recorders []string, results map[string]map[string][]float64, costs map[string]map[string][]cost) {
	fmt.Println("load          recorder   median (95 % interval)                 ratio (95 % interval)")
	for _, l := range loads {
		for _, r := range recorders {
			x := results[r][l.name]
			low, high := interval(x)
			fmt.Printf("%-13s %-9s %9.1f (%.1f to %.1f) %-8s", l.name, r, median(x), low, high, l.unit)
			if base := results[recorders[0]][l.name]; r != recorders[0] {
				ratios := make([]float64, len(x))
				for i := range x {
					ratios[i] = x[i] / base[i]
				}
				low, high := interval(ratios)
				fmt.Printf("   %.3f (%.3f to %.3f)", median(ratios), low, high)
			}
			fmt.Println()
		}
	}
	fmt.Println("\nload          recorder   processor  in the kernel  ns a packet     passed    in file  dropped")
	for _, l := range loads {
		for _, r := range recorders[1:] {
			var own, hooks []float64
			var each []float64
			var passed, packets, dropped int64
			for _, c := range costs[r][l.name] {
				own, hooks = append(own, share(c.own, c.wall)), append(hooks, share(c.hooks, c.wall))
				each = append(each, float64(c.own)/float64(max(c.packets, 1)))
				passed, packets, dropped = passed+c.passed, packets+c.packets, dropped+c.dropped
			}
			fmt.Printf("%-13s %-9s %8.2f %% %12.2f %% %12.0f %10d %10d %8d\n", l.name, r, median(own), median(hooks), median(each), passed, packets, dropped)
		}
	}
}

func share(part, whole time.Duration) float64 { return 100 * float64(part) / float64(max(whole, 1)) }

func median(x []float64) float64 {
	s := slices.Sorted(slices.Values(x))
	if len(s) == 0 {
		return 0
	}
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// interval returns bounds that have the true median between them in 95 of 100 cases or
// more, the widest where there are too few values: ranks k and n+1-k, where less than
// 2.5 % of a binomial distribution lies below k.
func interval(x []float64) (low, high float64) {
	s, n := slices.Sorted(slices.Values(x)), len(x)
	if n == 0 {
		return 0, 0
	}
	k, term, sum := 0, 1.0, 0.0
	for range n {
		term /= 2
	}
	for i := 0; i < n/2; i++ { // term is the probability that i of n values lie below the median
		if sum += term; sum > 0.025 {
			break
		}
		k, term = i+1, term*float64(n-i)/float64(i+1)
	}
	k = max(k, 1)
	return s[k-1], s[n-k]
}
