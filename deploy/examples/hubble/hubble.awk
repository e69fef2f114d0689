# Fits velocity = K distance + v0 to the nebulae of a table, with an uncertainty
# by the bootstrap: the fit is repeated on many random draws of the same rows.
# Writes the result and a plot into the directory named by -v out=DIR.
BEGIN { FS = ","; draws = 100000; srand(1929) }
/^#/ || /^object/ { next }
{ n++; x[n] = $2; y[n] = $3 }

# fit sets K and v0 by least squares over the sums.
function fit(count, sx, sy, sxx, sxy,   d) {
	d = count * sxx - sx * sx
	if (d <= 0) return 0
	K = (count * sxy - sx * sy) / d
	v0 = (sy - K * sx) / count
	return 1
}

END {
	if (n < 3) { print "fewer than 3 rows in the table" > "/dev/stderr"; exit 1 }
	for (i = 1; i <= n; i++) { sx += x[i]; sy += y[i]; sxx += x[i] * x[i]; sxy += x[i] * y[i] }
	fit(n, sx, sy, sxx, sxy)
	best = K; offset = v0
	printf "%d nebulae: K = %.1f km/s per Mpc, v0 = %.1f km/s\n", n, best, offset
	for (b = 1; b <= draws; b++) {
		ax = ay = axx = axy = 0
		for (j = 1; j <= n; j++) {
			i = int(rand() * n) + 1
			ax += x[i]; ay += y[i]; axx += x[i] * x[i]; axy += x[i] * y[i]
		}
		if (fit(n, ax, ay, axx, axy)) { sum += K; squares += K * K; good++ }
		if (b % (draws / 5) == 0) { printf "bootstrap: %d %%\n", 100 * b / draws; fflush() }
	}
	mean = sum / good
	sigma = sqrt(squares / good - mean * mean)
	result = out "/hubble.txt"
	printf "K = %.1f +- %.1f km/s per Mpc (%d rows, %d draws)\n", best, sigma, n, good > result
	printf "Hubble's own solution of 1929 for these 24 objects: 465 +- 50, with the sun's motion solved for as well\n" > result
	printf "K = %.1f +- %.1f km/s per Mpc\n", best, sigma
	plot(out "/hubble.svg")
}

# plot draws the nebulae and the fitted line.
function plot(file,   i) {
	print "<svg xmlns='http://www.w3.org/2000/svg' width='480' height='320' font-family='sans-serif' font-size='12'>" > file
	print "<rect width='480' height='320' fill='white'/><path d='M50 20V290H460' fill='none' stroke='black'/>" > file
	for (i = 1; i <= n; i++) printf "<circle cx='%.1f' cy='%.1f' r='3' fill='#246'/>\n", px(x[i]), py(y[i]) > file
	printf "<path d='M%.1f %.1fL%.1f %.1f' stroke='#c42'/>\n", px(0), py(offset), px(2.1), py(offset + 2.1 * best) > file
	printf "<text x='60' y='30'>K = %.0f &#177; %.0f km/s per Mpc</text>\n", best, sigma > file
	print "<text x='380' y='310'>distance / Mpc</text><text x='6' y='14'>velocity / km/s</text></svg>" > file
}
function px(d) { return 50 + d / 2.1 * 400 }
function py(v) { return 290 - (v + 300) / 1500 * 260 }
