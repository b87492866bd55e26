package rating

import (
	"fmt"
	"math"
	"testing"
)

func BenchmarkFit(b *testing.B) {
	for _, size := range []struct{ items, comparisons int }{{20, 200}, {100, 2000}, {1000, 20000}} {
		b.Run(fmt.Sprintf("%d_items", size.items), func(b *testing.B) {
			rng := newRand(1)
			comparisons := judgeRandom(size.comparisons, normals(size.items, 1.5, rng), math.Log(0.5), rng)
			for b.Loop() {
				mustFit(b, size.items, comparisons, priorSD)
			}
		})
	}
}

func BenchmarkFitEffects(b *testing.B) {
	for _, size := range []struct{ items, comparisons int }{{40, 400}, {1000, 20000}} {
		b.Run(fmt.Sprintf("%d_items", size.items), func(b *testing.B) {
			rng := newRand(1)
			items, strengths := settings(size.items, 0.5, rng)
			comparisons := judgeRandom(size.comparisons, strengths, math.Log(0.5), rng)
			for b.Loop() {
				if _, err := FitEffects(items, comparisons); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkInformation is of one pair, and of the table that half a million pairs are looked up in.
func BenchmarkInformation(b *testing.B) {
	b.Run("pair", func(b *testing.B) {
		for b.Loop() {
			expectedInformation(1, 1, 0)
		}
	})
	b.Run("table", func(b *testing.B) {
		for b.Loop() {
			newInformationTable(7, 2.83, 0)
		}
	})
}

// BenchmarkNext has its table made.
func BenchmarkNext(b *testing.B) {
	for _, items := range []int{20, 1000} {
		for _, per := range []int{0, 20} {
			b.Run(fmt.Sprintf("%d_items_%d_comparisons_each", items, per), func(b *testing.B) {
				rng := newRand(1)
				comparisons := judgeRandom(items*per/2, normals(items, 1.5, rng), math.Log(0.5), rng)
				s := mustFit(b, items, comparisons, priorSD)
				for b.Loop() {
					if _, err := Next(s, comparisons, rng, NextOptions{Repeats: -1}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
