#!/usr/bin/env bash
# The commands of this experiment, in order. Usage: run.sh REAL_DATA OUT [PYTHON]
# REAL_DATA holds ms-lesjak2017/ and isles22-sub-strokecase0009/; results go to OUT.
set -eu
real=$1 out=$2 python=${3:-python}
mkdir -p "$out"

# A. Three planes learn from one multiple-sclerosis patient and are tested on the other.
$python -m stroke_tf.index "$real/ms-lesjak2017" --out "$out/ms.csv" --force
for axis in x y z; do
    $python -m stroke_tf.train --axis $axis --weights none --data "$out/ms.csv" --data-root "$real/ms-lesjak2017" \
        --train-cases patient19 --sequences FLAIR,T1,T2 --preset quick --out "$out/ms-$axis" --resume
done
$python -m stroke_tf.predict --runs "$out/ms-x" "$out/ms-y" "$out/ms-z" --data "$out/ms.csv" \
    --data-root "$real/ms-lesjak2017" --case patient07 --out "$out/ms-predictions" --probabilities --force
$python -m stroke_tf.evaluate --truth "$out/ms.csv" --data-root "$real/ms-lesjak2017" --case patient07 \
    --masks "$out/ms-predictions" --protocol isles2022 --out "$out/ms-evaluation" --force \
    --rows x="$out/ms-predictions/{case}_mask-x.nii.gz" y="$out/ms-predictions/{case}_mask-y.nii.gz" \
    z="$out/ms-predictions/{case}_mask-z.nii.gz"

# B. An axial network learns from SYNTHETIC phantoms in the layout of ISLES 2022 and looks at one real stroke.
$python -m stroke_tf.simulate --layout isles2022 --cases 12 --seed 22 --min-lesion-ml 3 --jobs 2 \
    --out "$out/synthetic-phantoms-isles2022"
$python -m stroke_tf.train --axis z --weights none --data "$out/synthetic-phantoms-isles2022" \
    --sequences FLAIR,DWI,ADC --preset quick --out "$out/isles-z" --resume
$python -m stroke_tf.index "$real/isles22-sub-strokecase0009" --out "$out/isles22.csv" --force
$python -m stroke_tf.predict --runs "$out/isles-z" --data "$out/isles22.csv" \
    --data-root "$real/isles22-sub-strokecase0009" --out "$out/isles-predictions" --force
$python -m stroke_tf.evaluate --truth "$out/isles22.csv" --data-root "$real/isles22-sub-strokecase0009" \
    --masks "$out/isles-predictions" --protocol isles2022 --out "$out/isles-evaluation" --force
