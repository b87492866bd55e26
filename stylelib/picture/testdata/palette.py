#!/usr/bin/env python3
"""Prints the numbers of palette_test.go: NumPy's covariances, SciPy's matrix roots, and OKLab from
its definition by matrices. python3 palette.py"""
import numpy as np
from scipy.linalg import sqrtm, inv

np.set_printoptions(precision=6, suppress=True)
x, y = np.mgrid[0:7, 0:5].reshape(2, -1)
a = np.stack([20 + 9 * x + 5 * y, 200 - 7 * x * y, 90 + 3 * y * y - 2 * x], 1).astype(float)
b = np.stack([250 - 20 * y, 30 + 6 * x * x - y, 5 * x + 40 * (y % 2)], 1).astype(float)
ca, cb = (np.cov(v.T, bias=True) for v in (a, b))
print('mean', a.mean(0), 'covariance', ca, sep='\n')
ea, eb = ca + 4 * np.eye(3), cb + 4 * np.eye(3)
h = sqrtm(ea)
print('map', inv(h) @ sqrtm(h @ eb @ h) @ inv(h), sep='\n')
both = np.concatenate([a, a, a, b])
print('three to one', both.mean(0), np.cov(both.T, bias=True), sep='\n')

def linear(v): return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)
def encoded(v): return np.where(v <= 0.0031308, v * 12.92, 1.055 * np.maximum(v, 0) ** (1 / 2.4) - 0.055)
M1 = np.array([[.4122214708, .5363325363, .0514459929], [.2119034982, .6806995451, .1073969566], [.0883024619, .2817188376, .6299787005]])
M2 = np.array([[.2104542553, .7936177850, -.0040720468], [1.9779984951, -2.4285922050, .4505937099], [.0259040371, .7827717662, -.8086757660]])
def oklab(rgb): return np.cbrt(linear(rgb / 255) @ M1.T) @ M2.T
def rgb(lab): return 255 * encoded((lab @ inv(M2).T) ** 3 @ inv(M1).T)
light, hue = oklab(np.array([100., 150, 50])), oklab(np.array([120., 100, 140]))
print('lightness of 100 150 50, colour of 120 100 140', rgb(np.array([light[0], hue[1], hue[2]])))
