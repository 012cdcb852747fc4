"""The numpy head agrees with Keras, for logits and for Grad-CAM."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.head import Head, HeadSpec

CHANNELS, SIDE = 8, 9


def weights_for(pooling: str, hidden: int, seed: int = 0) -> tuple[HeadSpec, dict[str, np.ndarray]]:
    random = np.random.default_rng(seed)
    length = CHANNELS * (2 if pooling == "cell_mean_deviation" else 1)
    widths = [length, *([16] * hidden), 2]
    weights = {}
    for index in range(hidden + 1):
        weights[f"head__dense{index + 1}__kernel"] = random.normal(size=(widths[index], widths[index + 1]))
        weights[f"head__dense{index + 1}__bias"] = random.normal(size=widths[index + 1])
    spec = HeadSpec(pooling=pooling, dense_layers=hidden + 1, embedding_length=length)
    return spec, {name: array.astype(np.float32) for name, array in weights.items()}


def reference(
    spec: HeadSpec, weights: dict[str, np.ndarray], feature_map: tf.Tensor, inside: np.ndarray
) -> tf.Tensor:
    """The same head written with TensorFlow, so that its gradient can be taken. Map: (1, h, w, c)."""
    if spec.pooling == "max_then_mean":
        x = tf.reduce_mean(tf.nn.max_pool2d(feature_map, 2, 2, "VALID"), (1, 2))
    elif spec.pooling == "mean":
        x = tf.reduce_mean(feature_map, (1, 2))
    else:
        share = tf.constant(inside / inside.sum())[None, :, :, None]
        mean = tf.reduce_sum(feature_map * share, (1, 2))
        spread = tf.square(feature_map - mean[:, None, None, :])
        x = tf.concat([mean, tf.sqrt(tf.reduce_sum(spread * share, (1, 2)))], axis=1)
    for index in range(1, spec.dense_layers + 1):
        x = x @ weights[f"head__dense{index}__kernel"] + weights[f"head__dense{index}__bias"]
        x = tf.nn.relu(x) if index < spec.dense_layers else x
    return x


@pytest.mark.parametrize("pooling", ["max_then_mean", "mean", "cell_mean_deviation"])
@pytest.mark.parametrize("hidden", [0, 1, 2])
def test_logits_and_grad_cam_equal_the_gradient_version(pooling: str, hidden: int) -> None:
    spec, weights = weights_for(pooling, hidden)
    random = np.random.default_rng(1)
    feature_map = np.maximum(random.normal(size=(CHANNELS, SIDE, SIDE)), 0).astype(np.float32)
    inside = np.zeros((SIDE, SIDE), np.float32)
    inside[2:7, 1:8] = 1
    output = Head(spec, weights)(feature_map, inside, {})

    tensor = tf.constant(np.moveaxis(feature_map, 0, -1)[None])
    with tf.GradientTape() as tape:
        tape.watch(tensor)
        logits = reference(spec, weights, tensor, inside)
        difference = logits[0, 0] - logits[0, 1]
        score = difference if difference >= 0 else -difference
    alphas = tf.reduce_mean(tape.gradient(score, tensor), (1, 2))[0]
    cam = tf.nn.relu(tf.reduce_sum(tensor[0] * alphas, -1)).numpy()
    if pooling == "cell_mean_deviation":
        cam = cam * inside

    np.testing.assert_allclose(output.logits, logits[0], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(output.heatmap / output.heatmap.max(), cam / cam.max(), atol=1e-4)


def test_fusion_adds_a_linear_term_of_the_measurements() -> None:
    spec, weights = weights_for("mean", 0)
    fused = HeadSpec(**{**spec.model_dump(), "fusion": ("area_px2",)})
    weights |= {
        "fusion__mean": np.array([10.0], np.float32),
        "fusion__scale": np.array([2.0], np.float32),
        "fusion__kernel": np.array([[3.0, -1.0]], np.float32),
    }
    feature_map = np.ones((CHANNELS, SIDE, SIDE), np.float32)
    inside = np.ones((SIDE, SIDE), np.float32)
    plain = Head(spec, weights)(feature_map, inside, {}).logits
    added = Head(fused, weights)(feature_map, inside, {"area_px2": 14.0}).logits
    np.testing.assert_allclose(added - plain, [6.0, -2.0], rtol=1e-5)


def test_a_kernel_of_another_shape_is_refused() -> None:
    spec, weights = weights_for("mean", 1)
    weights["head__dense2__kernel"] = np.zeros((5, 2), np.float32)
    with pytest.raises(ValueError, match="dense layer 2 to take 16"):
        Head(spec, weights)


def test_the_papers_vgg16_in_keras_equals_base_and_numpy_head() -> None:
    from models.networks import PAPER_HEADS, Architecture, build_classifier

    keras.utils.set_random_seed(0)
    model = build_classifier(Architecture(name="vgg16"), side_px=64)
    last_map = keras.Model(model.input, model.get_layer("block5_conv3").output)
    spec = HeadSpec(pooling=PAPER_HEADS["vgg16"].pooling, dense_layers=3, embedding_length=512)
    weights = {}
    for index in (1, 2, 3):
        kernel, bias = model.get_layer(f"dense{index}").get_weights()
        weights |= {f"head__dense{index}__kernel": kernel, f"head__dense{index}__bias": bias}
    images = np.random.default_rng(0).normal(size=(2, 64, 64, 3)).astype(np.float32)
    expected = model.predict(images, verbose=0)
    maps = np.moveaxis(last_map.predict(images, verbose=0), -1, 1)
    found = [Head(spec, weights)(each, np.ones((4, 4), np.float32), {}).logits for each in maps]
    np.testing.assert_allclose(found, expected, atol=1e-5)
