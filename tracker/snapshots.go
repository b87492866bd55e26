package tracker

import "math"

// ratio returns by how much the iterations of snapshots grow from one to the next, so that from 1 to the last
// planned there are at most as many as wanted. The first ones are consecutive, as there is nothing between, so the
// plain root of the length would make fewer: of 24 wanted for 500 iterations only 17.
func ratio(planned, wanted int) float64 {
	least, most := 1.0, float64(max(planned, 2))
	for range 40 {
		middle := math.Sqrt(least * most)
		if countSnapshots(planned, middle) > wanted {
			least = middle
		} else {
			most = middle
		}
	}
	return most
}

func countSnapshots(planned int, ratio float64) int {
	n := 1 // the last
	for at := 1; at < planned; n++ {
		at = max(at+1, int(float64(at)*ratio))
	}
	return n
}
