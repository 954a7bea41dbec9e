package compare

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

const (
	// Alpha is how often chance alone may make a comparison report anything.
	Alpha = 0.02
	// Enough is how many runs each side needs to tell chance from change.
	Enough = 3

	confidence = 0.95
)

var resamples = 4000 // tests take fewer

// moments returns the mean and the sample variance.
func moments(x []float64) (mean, variance float64) {
	for _, v := range x {
		mean += v
	}
	mean /= float64(len(x))
	for _, v := range x {
		variance += (v - mean) * (v - mean)
	}
	return mean, variance / float64(len(x)-1)
}

// welch returns how probable it is that two samples of one mean differ at least as
// much as these (Welch 1947).
func welch(a, b []float64) float64 {
	meanA, varA := moments(a)
	meanB, varB := moments(b)
	sa, sb := varA/float64(len(a)), varB/float64(len(b))
	if sa+sb == 0 {
		if meanA == meanB {
			return 1
		}
		return 0
	}
	t := math.Abs(meanA-meanB) / math.Sqrt(sa+sb)
	freedom := (sa + sb) * (sa + sb) / (sa*sa/float64(len(a)-1) + sb*sb/float64(len(b)-1))
	return 2 * distuv.StudentsT{Mu: 0, Sigma: 1, Nu: freedom}.Survival(t)
}

// holm tells which of many tests to believe, so that any wrong one is believed with
// probability alpha at most (Holm 1979).
func holm(p []float64, alpha float64) []bool {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(p[i], p[j]) })
	sure := make([]bool, len(p))
	for rank, i := range order {
		if p[i] > alpha/float64(len(p)-rank) {
			break
		}
		sure[i] = true
	}
	return sure
}

// bootstrap returns the interval in which the relative change of the mean lies, by
// drawing the samples again from themselves (the percentiles of Efron 1979). They are
// too narrow for few runs, and therefore expanded (Hesterberg 2015, "What Teachers Should
// Know About the Bootstrap", section 3.3). It is the same each time.
func bootstrap(a, b []float64) (low, high float64) {
	random := rand.New(rand.NewPCG(1, 2))
	draw := func(x []float64) (sum float64) {
		for range x {
			sum += x[random.IntN(len(x))]
		}
		return sum / float64(len(x))
	}
	changes := make([]float64, resamples)
	for i := range changes {
		changes[i] = relative(draw(a), draw(b))
	}
	slices.Sort(changes)
	n := float64(min(len(a), len(b)))
	t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: n - 1}.Quantile((1 + confidence) / 2)
	cut := distuv.UnitNormal.CDF(-math.Sqrt(n/(n-1))*t) * float64(resamples-1)
	return changes[int(cut)], changes[resamples-1-int(cut)]
}

// relative returns how much more b is than a, infinite where a is 0.
func relative(a, b float64) float64 {
	if a == b {
		return 0
	}
	return (b - a) / math.Abs(a)
}
