"""TensorBoard logs."""

import tensorflow as tf

from stroke_tf.training.board import scalar_writer


def test_each_number_stands_at_its_epoch(tmp_path):
    write = scalar_writer(tmp_path)
    for epoch in (1, 2):
        write(
            {"epoch": epoch, "loss": 1.0 / epoch, "validation_dice": 0.25 * epoch, "learning_rate": 0.5, "seconds": 9}
        )
    (file,) = tmp_path.glob("events*")
    # The format of event files is TensorFlow's own, so it is TensorFlow that reads them here.
    found = {}
    for record in tf.data.TFRecordDataset(str(file)):
        event = tf.compat.v1.Event.FromString(record.numpy())
        for value in event.summary.value:
            found[value.tag, event.step] = float(tf.make_ndarray(value.tensor))
    assert found == {
        ("loss", 1): 1.0,
        ("loss", 2): 0.5,
        ("validation_dice", 1): 0.25,
        ("validation_dice", 2): 0.5,
        ("learning_rate", 1): 0.5,
        ("learning_rate", 2): 0.5,
    }
